//! One run for all who ask for the same: who leads, who follows, and what they get.

mod foreign;
mod model;
mod sweeps;

use crate::by_hand::ByHand;
use crate::kit::{Heard, ms, secs, sim};
use backstay::testing::Sim;
use backstay_core::future::join_all;
use backstay_core::resilience::{
    Attempt, Error, EventKind, Fallback, Flight, Nested, Pipeline, Retry, Role, Scope, SingleFlight, Source,
};
use backstay_core::{JoinHandle, Runtime};
use futures::FutureExt;
use std::cell::Cell;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A call that is polled by hand, and how often it was woken.
struct Hand<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    wakes: Arc<Wakes>,
}

impl<'a, T> Hand<'a, T> {
    fn new(future: impl Future<Output = T> + 'a) -> Self {
        Self { future: Box::pin(future), wakes: Arc::default() }
    }

    fn poll(&mut self) -> Poll<T> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// How often since the last time.
    fn wakes(&self) -> usize {
        self.wakes.0.swap(0, SeqCst)
    }
}

type Flights = SingleFlight<&'static str, u32, &'static str>;

fn flights<K, T, E>() -> SingleFlight<K, T, E> {
    SingleFlight::new(&ByHand::new())
}

#[track_caller]
fn assert_empty<K, T, E>(flights: &SingleFlight<K, T, E>) {
    assert_eq!((flights.in_flight(), flights.waiting()), (0, 0));
}

#[test]
fn those_who_come_meanwhile_share_one_run_and_those_who_come_later_do_not() {
    let run = sim(|rt: Sim| async move {
        let flights = Flights::new(&rt);
        let runs = Cell::new(0);
        let call = |late: u64| {
            let (rt, flights, runs) = (&rt, &flights, &runs);
            async move {
                rt.sleep(ms(late)).await;
                let operation = async {
                    runs.set(runs.get() + 1);
                    rt.sleep(ms(10)).await;
                    Ok(runs.get())
                };
                flights.run("ada", operation).detailed().await
            }
        };
        let roles = join_all([0, 1, 9, 11, 20].map(call)).await;
        let shared = |number, role| (Ok(number), role);
        let (leads, follows) = (Role::Leader, Role::Follower);
        let expected = [(1, leads), (1, follows), (1, follows), (2, leads), (2, follows)];
        assert_eq!(roles, expected.map(|(number, role)| shared(number, role)));
        assert_empty(&flights);
        assert_eq!(runs.get(), 2);
    });
    assert_eq!(run.elapsed, ms(21));
}

#[test]
fn keys_and_handles_made_anew_are_apart_and_clones_are_not() {
    let (one, other) = (flights(), Flights::new(&ByHand::new()));
    let clone = one.clone();
    let mut calls = [
        Hand::new(one.run("a", pending())),
        Hand::new(one.run("b", pending())),
        Hand::new(other.run("a", pending())),
        Hand::new(clone.run("a", pending())),
    ];
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    assert_eq!((one.in_flight(), one.waiting(), other.in_flight(), other.waiting()), (2, 1, 1, 0));
    assert_eq!(format!("{one:?}"), "SingleFlight { in_flight: 2, waiting: 1 }");
    drop(calls);
    assert_empty(&one);
    assert_empty(&other);
}

#[test]
fn nothing_happens_before_a_poll() {
    let flights: Flights = flights();
    let call = flights.run("ada", async { panic!("it is not polled") });
    assert_eq!((flights.in_flight(), format!("{call:?}")), (0, "Flight(not polled)".to_owned()));
    drop(call);
    assert_empty(&flights);
}

#[test]
fn d39_all_get_the_same_error() {
    sim(|rt: Sim| async move {
        #[derive(Debug)]
        struct Boom;
        let flights = SingleFlight::<u8, (), Arc<Boom>>::new(&rt);
        let fails = || async {
            rt.sleep(ms(1)).await;
            Err(Arc::new(Boom))
        };
        let errors = join_all((0..5).map(|_| flights.run(7, fails()))).await;
        let errors: Vec<_> = errors.into_iter().map(Result::unwrap_err).collect();
        assert!(errors.iter().all(|error| Arc::ptr_eq(error, &errors[0])));
        assert_eq!(Arc::strong_count(&errors[0]), 5, "and nothing keeps it");
    });
}

#[test]
fn d40_leaders_may_die_any_number_of_times() {
    const LEADERS: usize = 1_000;
    let flights: Flights = flights();
    let begun = Cell::new(0);
    let mut calls: Vec<_> = (0..LEADERS)
        .map(|_| {
            Hand::new(flights.run("ada", async {
                begun.set(begun.get() + 1);
                pending().await
            }))
        })
        .collect();
    calls.push(Hand::new(flights.run("ada", async { Ok(36) })));
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    assert_eq!((begun.get(), flights.in_flight(), flights.waiting()), (1, 1, LEADERS));
    let mut calls = std::collections::VecDeque::from(calls);
    for died in 1..LEADERS {
        drop(calls.pop_front());
        let next = &mut calls[0];
        assert_eq!(next.wakes(), 1, "who has waited longest");
        assert!(next.poll().is_pending());
        assert_eq!((begun.get(), flights.waiting()), (died + 1, LEADERS - died));
    }
    assert!(calls.iter().all(|call| call.wakes() == 0), "and nobody else");
    drop(calls.pop_front());
    assert_eq!(calls[0].poll(), Poll::Ready(Ok(36)));
    assert_empty(&flights);
}

#[test]
fn b38_a_leader_that_is_aborted_takes_nobody_with_it() {
    sim(|rt: Sim| async move {
        let flights = Flights::new(&rt);
        let begun = Arc::new(AtomicUsize::new(0));
        let tasks = [0, 1, 2, 3].map(|late| {
            let (rt, flights, begun) = (rt.clone(), flights.clone(), Arc::clone(&begun));
            rt.clone().spawn(async move {
                rt.sleep(ms(late)).await;
                let operation = async {
                    let number = begun.fetch_add(1, SeqCst) as u32;
                    rt.sleep(ms(10)).await;
                    Ok(number)
                };
                flights.run("ada", operation).detailed().await
            })
        });
        rt.sleep(ms(5)).await;
        tasks[0].abort();
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.ok());
        }
        let follower = Some((Ok(1), Role::Follower));
        assert_eq!(results, [None, Some((Ok(1), Role::Leader)), follower, follower]);
        assert_eq!((begun.load(SeqCst), rt.now().as_nanos()), (2, ms(15).as_nanos() as u64));
        assert_empty(&flights);
    });
}

#[test]
fn b38_a_panic_is_its_own_callers_and_the_next_leads() {
    let flights: Flights = flights();
    let open = Cell::new(false);
    let panics = async {
        while !open.get() {
            futures::pending!();
        }
        panic!("out of order")
    };
    let mut leader = Hand::new(AssertUnwindSafe(flights.run("ada", panics)).catch_unwind());
    let mut next = Hand::new(flights.run("ada", async { Ok(2) }).detailed());
    let mut last = Hand::new(flights.run("ada", async { Ok(3) }).detailed());
    assert!(leader.poll().is_pending() && next.poll().is_pending() && last.poll().is_pending());
    open.set(true);
    let Poll::Ready(Err(panic)) = leader.poll() else { panic!("it panics") };
    assert_eq!(panic.downcast_ref(), Some(&"out of order"));
    drop(leader);
    assert_eq!((next.wakes(), last.wakes()), (1, 0));
    assert!(last.poll().is_pending(), "it is not its turn");
    assert_eq!(next.poll(), Poll::Ready((Ok(2), Role::Leader)));
    assert_eq!((last.wakes(), last.poll()), (1, Poll::Ready((Ok(2), Role::Follower))));
    assert_empty(&flights);
}

#[test]
fn b38_what_an_old_leader_leaves_is_not_a_newer_ones() {
    let flights: Flights = flights();
    let open = Cell::new(false);
    let gated = |value: u32| {
        let open = &open;
        async move {
            while !open.get() {
                futures::pending!();
            }
            Ok(value)
        }
    };
    for old_ends in [true, false] {
        open.set(false);
        let mut old = Hand::new(flights.run("ada", gated(1)).detailed());
        let mut behind = Hand::new(flights.run("ada", gated(2)).detailed());
        assert!(old.poll().is_pending() && behind.poll().is_pending());
        assert!(flights.forget("ada"));
        assert!(!flights.forget("ada"), "there is none any more");
        let mut new = Hand::new(flights.run("ada", pending()).detailed());
        assert!(new.poll().is_pending());
        assert_eq!((flights.in_flight(), flights.waiting()), (2, 1));
        // The old one goes, one way or the other.
        open.set(true);
        let first = if old_ends {
            assert_eq!(old.poll(), Poll::Ready((Ok(1), Role::Leader)));
            (Ok(1), Role::Follower)
        } else {
            drop(old);
            (Ok(2), Role::Leader)
        };
        assert_eq!((behind.wakes(), behind.poll()), (1, Poll::Ready(first)));
        assert_eq!((flights.in_flight(), flights.waiting()), (1, 0));
        // The new one is still found.
        let mut follows = Hand::new(flights.run("ada", async { panic!("there are two leaders") }).detailed());
        assert!(follows.poll().is_pending());
        assert_eq!((flights.in_flight(), flights.waiting()), (1, 1));
        drop((follows, new));
        assert_empty(&flights);
    }
}

#[test]
fn s25_who_was_to_lead_and_is_dropped_instead_passes_it_on() {
    let flights: Flights = flights();
    let mut calls: Vec<_> = (0..4)
        .map(|number| {
            Hand::new(
                flights.run("ada", async move { if number == 0 { pending().await } else { Ok(number) } }),
            )
        })
        .collect();
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    drop(calls.remove(0));
    assert_eq!(calls[0].wakes(), 1);
    // One that comes now is behind them.
    let mut late = Hand::new(flights.run("ada", async { panic!("it is not its turn") }));
    assert!(late.poll().is_pending());
    drop(calls.remove(0));
    assert_eq!((calls[0].wakes(), calls[1].wakes(), late.wakes()), (1, 0, 0));
    assert_eq!(calls[0].poll(), Poll::Ready(Ok(2)));
    assert_eq!((calls[1].wakes(), calls[1].poll()), (1, Poll::Ready(Ok(2))));
    assert_eq!((late.wakes(), late.poll()), (1, Poll::Ready(Ok(2))));
    assert_empty(&flights);
}

#[test]
fn the_last_to_go_leaves_nothing_in_whatever_order_they_go() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let flights: Flights = flights();
        let mut calls = [(); 3].map(|()| Some(Hand::new(flights.run("ada", pending()))));
        assert!(calls.iter_mut().flatten().all(|call| call.poll().is_pending()));
        for (gone, at) in order.into_iter().enumerate() {
            assert_eq!(flights.in_flight(), 1, "{gone} of {order:?}");
            calls[at] = None;
        }
        assert_empty(&flights);
    }
}

#[test]
fn a_wake_is_one_for_each_however_many_wait() {
    let flights: Flights = flights();
    let open = Cell::new(false);
    let mut calls: Vec<_> = (0..64)
        .map(|_| {
            Hand::new(flights.run("ada", async {
                while !open.get() {
                    futures::pending!();
                }
                Ok(1)
            }))
        })
        .collect();
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    // Polled again for nothing, each waits on.
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    assert!(calls.iter().all(|call| call.wakes() == 0));
    open.set(true);
    assert_eq!(calls[0].poll(), Poll::Ready(Ok(1)));
    assert_empty(&flights);
    for call in &mut calls[1..] {
        assert_eq!((call.wakes(), call.poll(), call.wakes()), (1, Poll::Ready(Ok(1)), 0));
    }
}

#[test]
fn b31_who_follows_has_its_own_time_and_takes_nothing_along() {
    let run = sim(|rt: Sim| async move {
        let heard = Heard::default();
        let within = |limit| Pipeline::named("users").deadline(limit).observer(heard.clone()).build(&rt);
        let (patient, impatient) =
            (within(secs(9)).expect("it is good"), within(ms(50)).expect("it is good"));
        let flights = SingleFlight::<u8, &str, Error<&str>>::new(&rt);
        let load = async || {
            rt.sleep(ms(100)).await;
            Ok("Ada")
        };
        let ask = |_: Attempt| flights.run(7, load());
        let lead = patient.call_operation(Nested(ask)).detailed();
        let follow = impatient.call_operation(Nested(ask));
        let stays = patient.call_operation(Nested(ask));
        let (lead, follow, stays) = futures::join!(lead, follow, stays);
        assert_eq!(lead.expect("it has time").value, "Ada");
        assert_eq!(follow, Err(Error::TimedOut { scope: Scope::Total, limit: ms(50) }));
        assert_eq!(stays, Ok("Ada"));
        assert_eq!(heard.take(), [("users", EventKind::TimedOut { scope: Scope::Total, limit: ms(50) })]);
        assert_empty(&flights);
        // And who leads, whose time is up, leaves the others theirs.
        let (lead, stays) =
            futures::join!(impatient.call_operation(Nested(ask)), patient.call_operation(Nested(ask)));
        assert_eq!((lead.is_err(), stays), (true, Ok("Ada")));
        assert_empty(&flights);
    });
    assert_eq!(run.elapsed, ms(100) + ms(150));
}

#[test]
fn between_two_pipelines_the_error_is_flat() {
    sim(|rt: Sim| async move {
        let around =
            Pipeline::named("users").fallback(Fallback::from_error(|error: &Error<&'static str>| {
                matches!(error, Error::RetriesExhausted { attempts: 3, .. })
                    .then_some("a guest")
                    .unwrap_or("?")
            }));
        let around = around.build(&rt).expect("it is good");
        let attempts = Pipeline::named("users-db").retry(Retry::default()).build(&rt).expect("it is good");
        let flights = SingleFlight::<u8, &'static str, Error<&'static str>>::new(&rt);
        let asked = Cell::new(0);
        let call = || {
            around.call_operation(Nested(async |_| {
                let ask = async |_| {
                    asked.set(asked.get() + 1);
                    Err("out of order")
                };
                flights.run(7, attempts.call(ask)).await
            }))
        };
        let answers = join_all((0..10).map(|_| call().detailed())).await;
        for answer in answers {
            let answer = answer.expect("there always is");
            assert_eq!((answer.value, answer.source), ("a guest", Source::Fallback));
        }
        assert_eq!(asked.get(), 3, "the attempts of one call");
        assert!(format!("{:?}", Nested(())).contains("Nested"));
    });
}

#[test]
fn a_call_inside_a_call_of_its_key_is_reported_as_a_deadlock() {
    let failure = Sim::builder().run(|rt: Sim| async move {
        let flights = Flights::new(&rt);
        flights.run("ada", async { flights.run("ada", async { Ok(1) }).await }).await
    });
    let text = failure.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("single flight, 1 in flight, 1 waiting"), "{text}");
}

#[test]
fn many_keys_come_and_go() {
    let flights = flights::<u32, u32, ()>();
    let open = Cell::new(false);
    let mut calls: Vec<_> = (0..10_000_u32)
        .map(|number| {
            let open = &open;
            Hand::new(flights.run(number % 5_000, async move {
                while !open.get() {
                    futures::pending!();
                }
                Ok(number)
            }))
        })
        .collect();
    assert!(calls.iter_mut().all(|call| call.poll().is_pending()));
    assert_eq!((flights.in_flight(), flights.waiting()), (5_000, 5_000));
    open.set(true);
    for (number, call) in (0..).zip(&mut calls) {
        assert_eq!(call.poll(), Poll::Ready(Ok(number % 5_000)));
    }
    assert_empty(&flights);
    let mut again = pin!(flights.run(7, async { Ok(1) }));
    assert_eq!(again.as_mut().now_or_never(), Some(Ok(1)));
}

#[test]
fn it_can_go_anywhere() {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<SingleFlight<String, String, Arc<std::io::Error>>>();
    is_send_and_sync::<Flight<'static, String, String, (), std::future::Ready<Result<String, ()>>>>();
}
