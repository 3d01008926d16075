//! The bulkhead: places, the queue, its limits, its order.

use crate::kit::{Heard, limit, ms, passed, secs, sim};
use backstay::testing::{
    Explore, Faults, Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep, sometimes,
};
use backstay_core::resilience::{
    Attempt, Bulkhead, BulkheadBuilder, Error, EventKind, Pipeline, PolicyKind, Reason, Rejected, Scope,
};
use backstay_core::{JoinHandle, Runtime};
use futures::FutureExt;
use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

type Failed = Error<&'static str>;

fn bulkhead(places: usize, waiting: usize) -> Bulkhead {
    Bulkhead::named("b").max_in_flight(places).max_waiting(waiting).build().expect("it is good")
}

fn with_wait(places: usize, waiting: usize, wait: Duration) -> Bulkhead {
    let builder = Bulkhead::named("b").max_in_flight(places).max_waiting(waiting);
    builder.max_wait(wait).build().expect("it is good")
}

fn refused(reason: Reason) -> Rejected {
    Rejected::new(PolicyKind::Bulkhead, "b", reason)
}

#[track_caller]
fn assert_empty(bulkhead: &Bulkhead) {
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

#[test]
fn b40_what_makes_no_sense_is_refused_by_field() {
    let named = || Bulkhead::named("b");
    let wait = ms(1);
    for (builder, expected) in [
        (named(), Err("max_in_flight")),
        (named().max_in_flight(0), Err("max_in_flight")),
        (named().max_in_flight(usize::MAX), Err("max_in_flight")),
        (named().max_in_flight(1).max_wait(wait), Err("max_waiting")),
        (named().max_in_flight(1).max_wait(wait).max_waiting(0), Err("max_waiting")),
        (named().max_in_flight(1).max_wait(Duration::ZERO), Ok(())),
        (named().max_in_flight(1).max_wait(Duration::ZERO).max_waiting(3), Ok(())),
        (named().max_in_flight(1).max_wait(Duration::MAX).max_waiting(usize::MAX), Ok(())),
    ] {
        let result = BulkheadBuilder::build(builder.clone()).map(drop).map_err(|error| error.field());
        assert_eq!(result, expected.map_err(Some), "{builder:?}");
    }
    let plain = Bulkhead::new(limit(3));
    assert_eq!((plain.name(), plain.max_in_flight(), plain.is_closed()), ("", 3, false));
}

#[test]
fn places_are_taken_and_given_back() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(3, 0);
        let heavy = bulkhead.weighing(limit(2));
        let one = bulkhead.try_acquire().expect("it is free");
        let two = heavy.acquire(&rt).await.expect("they are free");
        assert_eq!((one.weight(), two.weight(), bulkhead.in_flight()), (1, 2, 3));
        assert_eq!(bulkhead.try_acquire().unwrap_err(), refused(Reason::Busy));
        assert_eq!(bulkhead.try_acquire_owned().unwrap_err(), refused(Reason::Busy));
        drop(two);
        let two = heavy.try_acquire_owned().expect("they are free");
        assert_eq!((two.weight(), bulkhead.in_flight()), (2, 3));
        drop(one);
        let one = bulkhead.acquire_owned(&rt).await.expect("it is free");
        assert_eq!(bulkhead.in_flight(), 3);
        drop((one, two));
        assert_empty(&bulkhead);
    });
}

#[test]
fn nothing_happens_before_a_poll() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(1, 1);
        let unpolled = (bulkhead.acquire(&rt), bulkhead.acquire_owned(&rt));
        let call = bulkhead.run(&rt, async |_| Ok::<_, &str>(()));
        let job = bulkhead.run_blocking(&rt, || Ok::<_, &str>(()));
        assert_empty(&bulkhead);
        drop((unpolled, call, job));
    });
}

#[test]
fn b24_who_must_not_wait_takes_no_place_in_the_queue() {
    for (max_waiting, max_wait, reason) in [
        (0, None, Reason::QueueFull),
        (0, Some(Duration::ZERO), Reason::QueueFull),
        (5, Some(Duration::ZERO), Reason::MaxWait { limit: Duration::ZERO }),
    ] {
        let run = sim(|rt: Sim| async move {
            let builder = Bulkhead::named("b").max_in_flight(1).max_waiting(max_waiting);
            let bulkhead = max_wait.map_or(builder.clone(), |wait| builder.max_wait(wait)).build();
            let bulkhead = bulkhead.expect("it is good");
            let _place = bulkhead.try_acquire().expect("it is free");
            assert_eq!(bulkhead.acquire(&rt).now_or_never().expect("at once").unwrap_err(), refused(reason));
            assert_eq!(
                bulkhead.acquire_owned(&rt).now_or_never().expect("at once").unwrap_err(),
                refused(reason)
            );
            let call = bulkhead.run(&rt, async |_| Ok::<_, &str>(()));
            assert_eq!(call.now_or_never().expect("at once"), Err(refused(reason).into()));
            let job = bulkhead.run_blocking(&rt, || Ok::<_, &str>(()));
            assert_eq!(job.now_or_never().expect("at once"), Err(refused(reason).into()));
            assert_eq!(bulkhead.waiting(), 0);
        });
        assert_eq!(run.elapsed, Duration::ZERO);
    }
}

#[test]
fn b24_a_place_wins_over_the_end_of_the_wait() {
    sim(|rt: Sim| async move {
        let bulkhead = with_wait(1, 3, ms(10));
        let users = Pipeline::named("").bulkhead(&bulkhead).build(&rt).expect("it is good");
        let place = bulkhead.try_acquire().expect("it is free");
        let mut acquire = pin!(bulkhead.acquire(&rt));
        let mut call = pin!(users.call(async |_| Ok::<_, &str>(())));
        assert!(futures::poll!(acquire.as_mut()).is_pending());
        assert!(futures::poll!(call.as_mut()).is_pending());
        rt.sleep(ms(10)).await; // both timers are due
        drop(place);
        drop(acquire.await.expect("the place is there"));
        assert_eq!(call.await, Ok(()));
        assert_empty(&bulkhead);
    });
}

#[test]
fn b24_b31_a_wait_that_is_too_long_is_a_time_limit_of_the_queue() {
    let run = sim(|rt: Sim| async move {
        let bulkhead = with_wait(1, 3, ms(10));
        let place = bulkhead.try_acquire().expect("it is free");
        let rejected = refused(Reason::MaxWait { limit: ms(10) });
        assert_eq!(bulkhead.acquire(&rt).await.unwrap_err(), rejected);
        assert_eq!(bulkhead.acquire_owned(&rt).await.unwrap_err(), rejected);
        let timed_out = Error::TimedOut { scope: Scope::Queue, limit: ms(10) };
        assert_eq!(bulkhead.run(&rt, async |_| Ok::<_, &str>(())).await, Err(timed_out));
        assert_eq!(Failed::from(rejected), timed_out);
        assert_eq!(bulkhead.waiting(), 0);
        drop(place);
        assert_empty(&bulkhead);
    });
    assert_eq!(run.elapsed, ms(30));
}

#[test]
fn the_queue_has_its_limit() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(1, 2);
        let place = bulkhead.try_acquire().expect("it is free");
        let mut waits = [(); 2].map(|()| Box::pin(bulkhead.acquire(&rt)));
        for wait in &mut waits {
            assert!(futures::poll!(wait).is_pending());
        }
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (1, 2));
        assert_eq!(bulkhead.acquire(&rt).await.unwrap_err(), refused(Reason::QueueFull));
        // Also for who asks for less than is free while somebody waits, as nobody overtakes.
        bulkhead.resize(limit(2));
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (2, 1));
        // One more place in the queue.
        let mut third = Box::pin(bulkhead.acquire(&rt));
        assert!(futures::poll!(&mut third).is_pending());
        assert_eq!(bulkhead.acquire(&rt).await.unwrap_err(), refused(Reason::QueueFull));
        let [first, second] = waits;
        drop(first.await.expect("it was granted"));
        drop(second.await.expect("it is next"));
        drop(place);
        drop(third.await.expect("it is next"));
        assert_empty(&bulkhead);
    });
}

#[test]
fn b20_a_head_that_is_dropped_lets_the_next_through() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(5, 9);
        let (a, b) = (bulkhead.weighing(limit(5)), bulkhead.clone());
        let held = bulkhead.try_acquire().expect("it is free");
        let mut head = Box::pin(a.run(&rt, async |_| Ok::<_, &str>("a")));
        let mut behind = Box::pin(b.run(&rt, async |_| Ok::<_, &str>("b")));
        assert!(futures::poll!(&mut head).is_pending() && futures::poll!(&mut behind).is_pending());
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (1, 2));
        drop(head);
        assert_eq!(rt.timeout(ms(1), behind).await, Ok(Ok("b")));
        drop(held);
        assert_empty(&bulkhead);
    });
}

#[test]
fn b20_a_head_whose_wait_is_over_lets_the_next_through() {
    let run = sim(|rt: Sim| async move {
        let (impatient, patient) = (with_wait(5, 9, ms(10)), ());
        let a = impatient.weighing(limit(5));
        let held = impatient.try_acquire().expect("it is free");
        let head = rt.spawn({
            let rt = rt.clone();
            async move { a.run(&rt, async |_| Ok::<_, &str>("a")).await }
        });
        rt.sleep(ms(5)).await;
        assert_eq!(impatient.run(&rt, async |_| Ok::<_, &str>("b")).await, Ok("b"));
        assert_eq!(
            head.await.expect("no panic"),
            Err(Error::TimedOut { scope: Scope::Queue, limit: ms(10) })
        );
        drop((held, patient));
        assert_empty(&impatient);
    });
    assert_eq!(run.elapsed, ms(10));
}

#[test]
fn b20_an_acquire_whose_wait_is_over_leaves_the_queue_though_it_is_kept() {
    sim(|rt: Sim| async move {
        let bulkhead = with_wait(2, 9, ms(10));
        let two = bulkhead.weighing(limit(2));
        let held = bulkhead.try_acquire().expect("it is free");
        let (mut borrowed, mut owned) = (pin!(two.acquire(&rt)), pin!(two.acquire_owned(&rt)));
        assert!(futures::poll!(&mut borrowed).is_pending() && futures::poll!(&mut owned).is_pending());
        assert_eq!(borrowed.as_mut().await.unwrap_err().reason(), Reason::MaxWait { limit: ms(10) });
        assert_eq!(owned.as_mut().await.unwrap_err().reason(), Reason::MaxWait { limit: ms(10) });
        assert_eq!(bulkhead.waiting(), 0);
        assert!(bulkhead.try_acquire().is_ok(), "nobody waits before it");
        drop(held);
        assert_empty(&bulkhead);
    });
}

#[test]
fn b21_a_place_that_was_granted_is_kept_until_its_future_is_polled_or_dropped() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(1, 2);
        let place = bulkhead.try_acquire().expect("it is free");
        let mut granted = Box::pin(bulkhead.acquire(&rt));
        let mut next = Box::pin(bulkhead.acquire(&rt));
        assert!(futures::poll!(&mut granted).is_pending() && futures::poll!(&mut next).is_pending());
        drop(place);
        rt.sleep(secs(3600)).await;
        assert!(futures::poll!(&mut next).is_pending());
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (1, 1), "as the gauges say");
        drop(granted);
        drop(next.await.expect("it is next"));
        assert_empty(&bulkhead);
    });
}

#[test]
fn b22_a_blocking_job_keeps_its_place_until_it_has_ended() {
    let run = Sim::builder().blocking_cost(ms(50)).run(|rt: Sim| async move {
        let bulkhead = bulkhead(1, 1);
        let ran = Arc::new(AtomicUsize::new(0));
        let job = {
            let (ran, gauge) = (Arc::clone(&ran), bulkhead.clone());
            bulkhead.run_blocking(&rt, move || {
                ran.fetch_add(gauge.in_flight(), SeqCst);
                Ok::<_, &str>(())
            })
        };
        // Whoever wanted it has lost patience.
        assert!(rt.timeout(ms(10), job).await.is_err());
        assert_eq!(bulkhead.in_flight(), 1);
        // The same for a permit that is moved there by hand.
        let permit = bulkhead.acquire_owned(&rt).await.expect("it is next");
        assert_eq!(ran.load(SeqCst), 1);
        drop(rt.spawn_blocking(move || drop(permit)));
        assert_eq!(bulkhead.in_flight(), 1);
        assert_eq!(
            bulkhead.run_blocking(&rt, || Err::<(), _>("its own")).await,
            Err(Error::Operation("its own"))
        );
        assert_empty(&bulkhead);
    });
    passed(run);
}

#[test]
fn a_panic_gives_the_place_back_and_goes_on() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(1, 0);
        let job = bulkhead.run_blocking::<_, (), &str, _>(&rt, || panic!("the disk"));
        let payload = AssertUnwindSafe(job).catch_unwind().await.unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"the disk"));
        assert_empty(&bulkhead);
        let call = bulkhead.run(&rt, async |_| -> Result<(), &str> { panic!("the wire") });
        let payload = AssertUnwindSafe(call).catch_unwind().await.unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"the wire"));
        assert_empty(&bulkhead);
    });
}

#[test]
fn b23_waiting_is_not_the_attempts_time() {
    let run = sim(|rt: Sim| async move {
        let (heard, own) = (Heard::default(), Heard::default());
        let bulkhead = Bulkhead::named("b").max_in_flight(1).max_waiting(1).observer(own.clone()).build();
        let bulkhead = bulkhead.expect("it is good");
        let users = Pipeline::named("users")
            .observer(heard.clone())
            .bulkhead(&bulkhead)
            .attempt_timeout(ms(20))
            .build(&rt)
            .expect("it is good");
        let place = bulkhead.try_acquire().expect("it is free");
        let call = users.call(async |attempt: Attempt| {
            assert_eq!(attempt.remaining(), ms(20));
            rt.sleep(ms(15)).await;
            Ok::<_, &str>(())
        });
        let open = async {
            rt.sleep(ms(100)).await;
            drop(place);
        };
        assert_eq!(futures::join!(call, open).0, Ok(()));
        // It is told apart.
        let waited = EventKind::Waited { policy: PolicyKind::Bulkhead, waited: ms(100) };
        assert_eq!((heard.take(), own.take()), (vec![("users", waited)], vec![("b", waited)]));
        assert_eq!(waited.name(), "queue.waited");
        // Who need not wait has nothing to tell.
        assert_eq!(users.call(async |_| Ok::<_, &str>(())).await, Ok(()));
        assert_eq!((heard.take(), own.take()), (vec![], vec![]));
    });
    assert_eq!(run.elapsed, ms(115));
}

#[test]
fn b31_the_callers_limit_ends_a_wait_too() {
    for (max_wait, total, scope) in [(50, 20, Scope::Total), (20, 50, Scope::Queue), (20, 20, Scope::Total)] {
        let run = sim(|rt: Sim| async move {
            let heard = Heard::default();
            let bulkhead = with_wait(1, 1, ms(max_wait));
            let _place = bulkhead.try_acquire().expect("it is free");
            let users = Pipeline::named("users")
                .observer(heard.clone())
                .deadline(ms(total))
                .bulkhead(&bulkhead)
                .build(&rt)
                .expect("it is good");
            let result = users.call(async |_| Ok::<_, &str>(())).await;
            assert_eq!(result, Err(Error::TimedOut { scope, limit: ms(20) }));
            assert_eq!((bulkhead.waiting(), heard.take().len()), (0, 1));
        });
        assert_eq!(run.elapsed, ms(20));
    }
}

#[test]
fn refusals_are_told_to_both() {
    sim(|rt: Sim| async move {
        let (heard, own) = (Heard::default(), Heard::default());
        let bulkhead =
            Bulkhead::named("b").max_in_flight(1).observer(own.clone()).build().expect("it is good");
        let users = Pipeline::named("users").observer(heard.clone()).bulkhead(&bulkhead).build(&rt);
        let users = users.expect("it is good");
        let _place = bulkhead.try_acquire().expect("it is free");
        users.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
        bulkhead.try_acquire().unwrap_err();
        let event = |reason| EventKind::Rejected(refused(reason));
        assert_eq!(heard.take(), [("users", event(Reason::QueueFull))]);
        assert_eq!(own.take(), [("b", event(Reason::QueueFull)), ("b", event(Reason::Busy))]);
    });
}

#[test]
fn an_observer_may_use_the_bulkhead() {
    let shared = Arc::new(std::sync::OnceLock::<Bulkhead>::new());
    let observer = {
        let shared = Arc::clone(&shared);
        move |_: &backstay_core::resilience::Event| {
            let bulkhead = shared.get().expect("it is built");
            assert!(bulkhead.in_flight() <= 1 && bulkhead.waiting() <= 1);
            drop(format!("{bulkhead:?}"));
        }
    };
    let bulkhead = Bulkhead::named("b").max_in_flight(1).max_waiting(1).max_wait(ms(5)).observer(observer);
    let bulkhead = shared.get_or_init(|| bulkhead.build().expect("it is good")).clone();
    sim(|rt: Sim| async move {
        let place = bulkhead.try_acquire().expect("it is free");
        bulkhead.acquire(&rt).await.unwrap_err();
        let open = async {
            rt.sleep(ms(2)).await;
            drop(place);
        };
        assert!(futures::join!(bulkhead.acquire(&rt), open).0.is_ok());
    });
}

#[test]
fn who_has_waited_too_long_is_out_of_the_queue_when_it_is_told() {
    let shared = Arc::new(std::sync::OnceLock::<Bulkhead>::new());
    let waiting = Arc::new(AtomicUsize::new(usize::MAX));
    let observer = {
        let (shared, waiting) = (Arc::clone(&shared), Arc::clone(&waiting));
        move |_: &backstay_core::resilience::Event| {
            waiting.store(shared.get().expect("it is built").waiting(), SeqCst);
        }
    };
    let bulkhead = Bulkhead::named("b").max_in_flight(1).max_waiting(1).max_wait(ms(5)).observer(observer);
    let bulkhead = shared.get_or_init(|| bulkhead.build().expect("it is good")).clone();
    sim(|rt: Sim| async move {
        let _place = bulkhead.try_acquire().expect("it is free");
        assert!(bulkhead.acquire(&rt).await.is_err());
        assert_eq!(waiting.swap(usize::MAX, SeqCst), 0);
        assert!(bulkhead.run(&rt, async |_| Ok::<_, &str>(())).await.is_err());
        assert_eq!(waiting.swap(usize::MAX, SeqCst), 0);
    });
}

#[test]
fn more_than_there_is_is_refused_at_once() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(2, 5);
        let heavy = bulkhead.weighing(limit(3));
        let too_large = refused(Reason::TooLarge { capacity: 2 });
        assert_eq!(heavy.try_acquire().unwrap_err(), too_large);
        assert_eq!(heavy.acquire(&rt).now_or_never().expect("at once").unwrap_err(), too_large);
        let call = heavy.run(&rt, async |_| Ok::<_, &str>(()));
        assert_eq!(call.now_or_never().expect("at once"), Err(Error::Rejected(too_large)));
    });
}

#[test]
fn closing_refuses_who_waits_and_who_comes() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(1, 5);
        let place = bulkhead.try_acquire().expect("it is free");
        let mut acquire = Box::pin(bulkhead.acquire(&rt));
        let mut call = Box::pin(bulkhead.run(&rt, async |_| Ok::<_, &str>(())));
        assert!(futures::poll!(&mut acquire).is_pending() && futures::poll!(&mut call).is_pending());
        bulkhead.close();
        let closed = refused(Reason::Closed);
        assert_eq!(acquire.await.unwrap_err(), closed);
        assert_eq!(call.await, Err(closed.into()));
        assert_eq!(bulkhead.try_acquire().unwrap_err(), closed);
        assert_eq!(bulkhead.acquire(&rt).await.unwrap_err(), closed);
        assert!(bulkhead.is_closed());
        drop(place);
        assert_empty(&bulkhead);
    });
}

#[test]
fn resizing_keeps_everybodys_turn() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(2, 9);
        let heavy = bulkhead.weighing(limit(2));
        let held = heavy.try_acquire().expect("they are free");
        let order = RefCell::new(Vec::new());
        let op = |bulkhead: &Bulkhead, name: &'static str| {
            let (bulkhead, rt, order) = (bulkhead.clone(), &rt, &order);
            async move {
                let op = |_: Attempt| async move {
                    order.borrow_mut().push(name);
                    rt.sleep(ms(1)).await;
                    Ok::<_, &str>(())
                };
                bulkhead.run(rt, op).await
            }
        };
        let resize = async {
            rt.sleep(ms(1)).await;
            bulkhead.resize(limit(1));
            assert_eq!((bulkhead.in_flight(), bulkhead.max_in_flight(), bulkhead.waiting()), (2, 1, 2));
            drop(held);
            assert_eq!(bulkhead.in_flight(), 1, "granted");
            rt.sleep(ms(10)).await;
            bulkhead.resize(limit(4));
        };
        let calls = (op(&bulkhead, "first"), op(&heavy, "heavy"), op(&bulkhead, "last"));
        let (first, heavy, last, ()) = futures::join!(calls.0, calls.1, calls.2, resize);
        let too_large = refused(Reason::TooLarge { capacity: 1 });
        assert_eq!((first, heavy, last), (Ok(()), Err(too_large.into()), Ok(())));
        assert_eq!(*order.borrow(), ["first", "last"]);
        assert_empty(&bulkhead);
        assert_eq!(bulkhead.max_in_flight(), 4);
    });
}

#[test]
fn a_place_is_given_back_before_the_result_is_seen() {
    sim(|rt: Sim| async move {
        let bulkhead = bulkhead(1, 0);
        let mut call = pin!(bulkhead.run(&rt, async |_| Ok::<_, &str>(())));
        let result = poll_fn(|cx| call.as_mut().poll(cx)).await;
        assert_eq!(result, Ok(()));
        assert_empty(&bulkhead); // the finished call is still there
        // The same for a place in the queue.
        let bulkhead = with_wait(1, 1, ms(5));
        let _place = bulkhead.try_acquire().expect("it is free");
        let mut call = pin!(bulkhead.run(&rt, async |_| Ok::<_, &str>(())));
        let result = poll_fn(|cx| call.as_mut().poll(cx)).await;
        assert_eq!(result, Err(Error::TimedOut { scope: Scope::Queue, limit: ms(5) }));
        assert_eq!(bulkhead.waiting(), 0);
    });
}

#[test]
fn a_stalled_wait_names_the_bulkhead() {
    let failure = Sim::builder().run(|rt: Sim| async move {
        let bulkhead = bulkhead(1, 3);
        let _place = bulkhead.try_acquire().expect("it is free");
        bulkhead.run(&rt, async |_| pending::<Result<(), &str>>().await).await
    });
    let text = failure.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("bulkhead `b` 1/1 in flight, 1 waiting"), "{text}");
}

#[test]
fn never_more_than_there_are_and_nobody_starves() {
    let explored =
        Explore::seeds(0..60).builder(Sim::builder().faults(Faults::gentle())).run(|rt: Sim| async move {
            let bulkhead = with_wait(3, 4, ms(40));
            let inside = Arc::new(AtomicUsize::new(0));
            let tasks: Vec<_> = (0..12)
                .map(|task: usize| {
                    let (rt, inside) = (rt.clone(), Arc::clone(&inside));
                    let weight = task % 3 + 1;
                    let bulkhead = bulkhead.weighing(limit(weight));
                    rt.clone().spawn(async move {
                        let op = |_: Attempt| {
                            let (rt, inside) = (&rt, &inside);
                            async move {
                                assert!(inside.fetch_add(weight, SeqCst) + weight <= 3);
                                rt.sleep(ms(rt.random_u64() % 20)).await;
                                inside.fetch_sub(weight, SeqCst);
                                Ok::<_, &str>(())
                            }
                        };
                        bulkhead.run(&rt, op).await
                    })
                })
                .collect();
            for task in tasks {
                let result = task.await.expect("no panic");
                sometimes!(result.is_ok(), "it was let in");
                let is_late = matches!(result, Err(Error::TimedOut { scope: Scope::Queue, .. }));
                sometimes!(is_late, "its wait was over");
                sometimes!(matches!(result, Err(Error::Rejected(_))), "the queue was full");
            }
            assert_empty(&bulkhead);
        });
    passed(explored);
}

#[test]
fn s09_a_call_and_an_acquire_that_are_cut_anywhere_lose_nothing() {
    let tracker = Tracker::new();
    for way in 0..4 {
        let scenario = |rt: Sim, subject: Subject| {
            let tracker = tracker.clone();
            async move {
                let bulkhead = with_wait(3, 5, ms(60));
                let users = Pipeline::named("users").bulkhead(&bulkhead).build(&rt).expect("it is good");
                let hold = |weight: usize, late: u64| {
                    let (rt, bulkhead) = (rt.clone(), bulkhead.weighing(limit(weight)));
                    async move {
                        rt.sleep(ms(late)).await;
                        let op = async |_| {
                            rt.sleep(ms(2)).await;
                            Ok::<_, &str>(())
                        };
                        bulkhead.run(&rt, op).await.expect("there is time")
                    }
                };
                let (before, behind) = (rt.spawn(hold(2, 0)), rt.spawn(hold(1, 2)));
                let heavy = bulkhead.weighing(limit(3));
                let (inner, value) = (rt.clone(), tracker.track(()));
                subject
                    .spawn(&rt, async move {
                        let rt = &inner;
                        rt.sleep(ms(1)).await;
                        match way {
                            0 => drop(heavy.acquire(rt).await.map(|_place| rt.sleep(ms(2)))),
                            1 => drop(heavy.acquire_owned(rt).await),
                            2 => {
                                let op = |_: Attempt| async move {
                                    rt.sleep(ms(2)).await;
                                    Ok::<_, &str>(())
                                };
                                heavy.run(rt, op).await.expect("there is time");
                            }
                            _ => {
                                let op = |_: Attempt| async move {
                                    rt.sleep(ms(2)).await;
                                    Ok::<_, &str>(())
                                };
                                users.call(op).await.expect("there is time");
                            }
                        }
                        drop(value);
                    })
                    .await;
                before.await.expect("no panic");
                let behind = rt.timeout(ms(1_000), behind).await;
                behind.expect("it is not kept waiting").expect("no panic");
                bulkhead
            }
        };
        let check = |_, bulkhead: Bulkhead| async move {
            assert_empty(&bulkhead);
            assert!(bulkhead.weighing(limit(3)).try_acquire().is_ok());
        };
        assert!(passed(cancel_sweep(scenario, check)).polls >= 2);
        passed(abort_sweep(scenario, check));
        passed(panic_sweep(scenario, check));
    }
    tracker.assert_none_alive();
}

#[test]
fn b20_every_schedule_of_a_call_that_is_aborted_in_the_queue() {
    let explored = Explore::exhaustive(20_000).run(|rt: Sim| async move {
        let bulkhead = bulkhead(2, 5);
        let held = bulkhead.try_acquire_owned().expect("it is free");
        let call = |weight: usize| {
            let (rt, bulkhead) = (rt.clone(), bulkhead.weighing(limit(weight)));
            async move { bulkhead.run(&rt, async |_| Ok::<_, &str>(())).await }
        };
        let (head, behind) = (rt.spawn(call(2)), rt.spawn(call(1)));
        rt.yield_now().await;
        head.abort();
        assert_eq!(behind.await.expect("no panic"), Ok(()));
        let _ = head.await;
        drop(held);
        assert_empty(&bulkhead);
    });
    passed(explored);
}
