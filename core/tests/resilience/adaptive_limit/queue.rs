//! The queue: its limits and its order, growing and shrinking under it, and calls that are cut.

use super::limit;
use crate::kit::{ms, passed, sim};
use backstay::testing::{
    Explore, Faults, Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep, sometimes,
};
use backstay_core::Runtime;
use backstay_core::resilience::{
    AdaptiveLimit, Aimd, Attempt, Error, Pipeline, PolicyKind, Reason, Rejected, Scope,
};
use futures::FutureExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

fn with_queue(initial: usize, waiting: usize, wait: Duration) -> AdaptiveLimit {
    let builder = AdaptiveLimit::named("l").algorithm(Aimd::new()).initial_limit(initial);
    builder.max_waiting(waiting).max_wait(wait).build().expect("it is good")
}

fn refused(reason: Reason) -> Rejected {
    Rejected::new(PolicyKind::AdaptiveLimit, "l", reason)
}

#[track_caller]
fn assert_empty(limit: &AdaptiveLimit) {
    assert_eq!((limit.in_flight(), limit.waiting()), (0, 0));
}

#[test]
fn by_default_nobody_waits() {
    let run = sim(|rt: Sim| async move {
        let limit = limit(Aimd::new(), 1);
        let _place = limit.try_acquire(rt.now()).expect("it is free");
        let busy = refused(Reason::Busy);
        assert_eq!(limit.try_acquire(rt.now()).unwrap_err(), busy);
        assert_eq!(limit.try_acquire_owned(rt.now()).unwrap_err(), busy);
        assert_eq!(limit.acquire(&rt).now_or_never().expect("at once").unwrap_err(), busy);
        assert_eq!(limit.acquire_owned(&rt).now_or_never().expect("at once").unwrap_err(), busy);
        let call = limit.run(&rt, async |_| Ok::<_, &str>(()));
        assert_eq!(call.now_or_never().expect("at once"), Err(busy.into()));
        assert_eq!(busy.to_string(), "adaptive limit `l` refused the call: all its places are taken");
    });
    assert_eq!(run.elapsed, Duration::ZERO);
}

#[test]
fn a_queue_has_its_two_limits() {
    let run = sim(|rt: Sim| async move {
        let limit = with_queue(1, 1, ms(10));
        let place = limit.try_acquire(rt.now()).expect("it is free");
        let mut first = Box::pin(limit.acquire(&rt));
        assert!(futures::poll!(&mut first).is_pending());
        assert_eq!(limit.waiting(), 1);
        assert_eq!(limit.acquire(&rt).await.unwrap_err(), refused(Reason::QueueFull));
        assert_eq!(first.await.unwrap_err(), refused(Reason::MaxWait { limit: ms(10) }));
        let call = limit.run(&rt, async |_| Ok::<_, &str>(())).await;
        assert_eq!(call, Err(Error::TimedOut { scope: Scope::Queue, limit: ms(10) }));
        drop(place);
        assert_empty(&limit);
    });
    assert_eq!(run.elapsed, ms(20));
}

#[test]
fn who_waits_keeps_its_wait_when_that_is_changed() {
    let run = sim(|rt: Sim| async move {
        let limit = with_queue(1, 2, ms(10));
        let _place = limit.try_acquire(rt.now()).expect("it is free");
        let (mut acquire, mut call) =
            (Box::pin(limit.acquire(&rt)), Box::pin(limit.run(&rt, async |_| Ok::<_, &str>(()))));
        assert!(futures::poll!(&mut acquire).is_pending() && futures::poll!(&mut call).is_pending());
        limit.reconfigure(AdaptiveLimit::named("").algorithm(Aimd::new()).max_waiting(9)).unwrap();
        assert_eq!(acquire.await.unwrap_err(), refused(Reason::MaxWait { limit: ms(10) }));
        assert_eq!(call.await, Err(Error::TimedOut { scope: Scope::Queue, limit: ms(10) }));
        assert!(rt.timeout(ms(100), limit.acquire(&rt)).await.is_err(), "as long as it takes");
    });
    assert_eq!(run.elapsed, ms(110));
}

#[test]
fn a_limit_that_grows_lets_in_who_waits_in_order() {
    sim(|rt: Sim| async move {
        let limit = with_queue(1, 9, Duration::MAX);
        let place = limit.acquire(&rt).await.expect("it is free");
        let (mut first, mut second) = (Box::pin(limit.acquire(&rt)), Box::pin(limit.acquire_owned(&rt)));
        let mut third = Box::pin(limit.acquire(&rt));
        assert!(futures::poll!(&mut first).is_pending() && futures::poll!(&mut second).is_pending());
        assert!(futures::poll!(&mut third).is_pending());
        rt.sleep(ms(1)).await;
        place.success(rt.now()); // it is given back, and there is one more
        assert_eq!((limit.limit(), limit.in_flight(), limit.waiting()), (2, 2, 1));
        let (first, second) = (first.await.expect("it is in"), second.await.expect("it is in"));
        assert!(futures::poll!(&mut third).is_pending());
        first.ignore();
        third.await.expect("it is in").ignore();
        second.ignore();
        assert_empty(&limit);
    });
}

#[test]
fn a_limit_that_shrinks_takes_nothing_from_who_is_in() {
    sim(|rt: Sim| async move {
        let limit = with_queue(10, 9, Duration::MAX);
        let mut inside: Vec<_> = (0..10).map(|_| limit.try_acquire(rt.now()).expect("it is free")).collect();
        rt.sleep(ms(1)).await;
        inside.pop().expect("one of ten").overloaded(rt.now());
        assert_eq!((limit.limit(), limit.in_flight()), (9, 9));
        rt.sleep(ms(1)).await;
        let mut next = Box::pin(limit.acquire(&rt));
        assert!(futures::poll!(&mut next).is_pending());
        limit
            .reconfigure(AdaptiveLimit::named("").algorithm(Aimd::new()).max_limit(8).initial_limit(8))
            .unwrap();
        assert_eq!((limit.limit(), limit.in_flight()), (8, 9));
        inside.pop().expect("one of nine").ignore();
        assert!(futures::poll!(&mut next).is_pending(), "that was one too many");
        assert_eq!((limit.limit(), limit.in_flight(), limit.waiting()), (8, 8, 1));
        inside.pop().expect("one of eight").ignore();
        next.await.expect("its turn").ignore();
        inside.into_iter().for_each(|permit| permit.ignore());
        assert_empty(&limit);
    });
}

#[test]
fn a_stalled_wait_names_the_limit() {
    let failure = Sim::builder().run(|rt: Sim| async move {
        let limit = with_queue(1, 3, Duration::MAX);
        let _place = limit.try_acquire(rt.now()).expect("it is free");
        drop(limit.acquire(&rt).await);
    });
    let text = failure.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("adaptive limit `l` 1/1 in flight, 1 waiting"), "{text}");
}

#[test]
fn never_more_than_the_limit_and_nobody_starves() {
    let explored =
        Explore::seeds(0..60).builder(Sim::builder().faults(Faults::gentle())).run(|rt: Sim| async move {
            let limit = with_queue(3, 4, ms(10));
            let inside = Arc::new(AtomicUsize::new(0));
            let tasks: Vec<_> = (0..12)
                .map(|task| {
                    let (rt, inside, limit) = (rt.clone(), Arc::clone(&inside), limit.clone());
                    rt.clone().spawn(async move {
                        let op = |_: Attempt| {
                            let (rt, inside, limit) = (&rt, &inside, &limit);
                            async move {
                                // It may shrink below what is in; never are more let in than its maximum.
                                let among = inside.fetch_add(1, SeqCst) + 1;
                                assert!(among <= limit.in_flight());
                                rt.sleep(ms(rt.random_u64() % 20)).await;
                                inside.fetch_sub(1, SeqCst);
                                if task % 4 == 0 { Err("down") } else { Ok(()) }
                            }
                        };
                        let classify = |result: Result<&(), &Error<&'static str>>| match result {
                            Err(Error::Operation(_)) => {
                                backstay_core::resilience::Verdict::failure().after(Duration::ZERO)
                            }
                            Ok(()) => backstay_core::resilience::Verdict::Success,
                            Err(error) => backstay_core::resilience::Verdict::of_error(error),
                        };
                        let users = Pipeline::named("users").classify(classify).adaptive_limit(&limit);
                        users.build(&rt).expect("it is good").call(op).await
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
            sometimes!(limit.limit() > 3, "it has grown");
            sometimes!(limit.limit() < 3, "it has shrunk");
            assert_empty(&limit);
        });
    passed(explored);
}

#[test]
fn s09_b37_a_call_and_an_acquire_that_are_cut_anywhere_lose_nothing() {
    let tracker = Tracker::new();
    for way in 0..4 {
        let scenario = |rt: Sim, subject: Subject| {
            let tracker = tracker.clone();
            async move {
                let limit = with_queue(1, 5, ms(60));
                let users = Pipeline::named("users").adaptive_limit(&limit).build(&rt).expect("it is good");
                let hold = |late: u64| {
                    let (rt, limit) = (rt.clone(), limit.clone());
                    async move {
                        rt.sleep(ms(late)).await;
                        let op = async |_| {
                            rt.sleep(ms(2)).await;
                            Ok::<_, &str>(())
                        };
                        limit.run(&rt, op).await.expect("there is time")
                    }
                };
                let (before, behind) = (rt.spawn(hold(0)), rt.spawn(hold(2)));
                let (inner, value, own) = (rt.clone(), tracker.track(()), limit.clone());
                subject
                    .spawn(&rt, async move {
                        let rt = &inner;
                        rt.sleep(ms(1)).await;
                        let op = |_: Attempt| async move {
                            rt.sleep(ms(2)).await;
                            Ok::<_, &str>(())
                        };
                        match way {
                            0 => {
                                let permit = own.acquire(rt).await.expect("there is time");
                                rt.sleep(ms(2)).await;
                                permit.success(rt.now());
                            }
                            1 => {
                                let permit = own.acquire_owned(rt).await.expect("there is time");
                                rt.sleep(ms(2)).await;
                                permit.overloaded(rt.now());
                            }
                            2 => own.run(rt, op).await.expect("there is time"),
                            _ => users.call(op).await.expect("there is time"),
                        }
                        drop(value);
                    })
                    .await;
                before.await.expect("no panic");
                let behind = rt.timeout(ms(1_000), behind).await;
                behind.expect("it is not kept waiting").expect("no panic");
                limit
            }
        };
        let check = |rt: Sim, limit: AdaptiveLimit| async move {
            assert_empty(&limit);
            let all: Vec<_> = (0..limit.limit()).map(|_| limit.try_acquire(rt.now())).collect();
            assert!(all.iter().all(Result::is_ok));
        };
        assert!(passed(cancel_sweep(scenario, check)).polls >= 2);
        passed(abort_sweep(scenario, check));
        passed(panic_sweep(scenario, check));
    }
    tracker.assert_none_alive();
}
