//! Calls that are cut at any poll, and schedules of all kinds.

use super::{Flights, assert_empty};
use crate::kit::{ms, passed};
use backstay::testing::{
    Explore, Faults, Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep, sometimes,
};
use backstay_core::resilience::{Role, SingleFlight};
use backstay_core::{JoinHandle, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

#[test]
fn s09_a_leader_and_a_follower_that_are_cut_anywhere_lose_nothing() {
    let tracker = Tracker::new();
    for late in [0, 2] {
        let scenario = |rt: Sim, subject: Subject| {
            let tracker = tracker.clone();
            async move {
                let flights = Flights::new(&rt);
                let call = {
                    let (rt, flights) = (rt.clone(), flights.clone());
                    move |late: u64| {
                        let (rt, flights) = (rt.clone(), flights.clone());
                        async move {
                            rt.sleep(ms(late)).await;
                            let operation = async {
                                rt.yield_now().await;
                                rt.sleep(ms(5)).await;
                                Ok(1)
                            };
                            flights.run("ada", operation).await
                        }
                    }
                };
                let others = [rt.spawn(call(1)), rt.spawn(call(3))];
                let (own, value) = (call(late), tracker.track(()));
                subject
                    .spawn(&rt, async move {
                        assert_eq!(own.await, Ok(1));
                        drop(value);
                    })
                    .await;
                for other in others {
                    let result = rt.timeout(ms(1_000), other).await;
                    assert_eq!(result.expect("it is not kept waiting").expect("no panic"), Ok(1));
                }
                flights
            }
        };
        let check = |_, flights: Flights| async move { assert_empty(&flights) };
        assert!(passed(cancel_sweep(scenario, check)).polls >= 2);
        passed(abort_sweep(scenario, check));
        passed(panic_sweep(scenario, check));
    }
    tracker.assert_none_alive();
}

#[test]
fn b38_every_schedule_of_a_leader_that_is_aborted() {
    let explored = Explore::exhaustive(20_000).run(|rt: Sim| async move {
        let flights = Flights::new(&rt);
        let running = Arc::new(AtomicUsize::new(0));
        let tasks = [(); 3].map(|()| {
            let (rt, flights, running) = (rt.clone(), flights.clone(), Arc::clone(&running));
            rt.clone().spawn(async move {
                let operation = async {
                    let _one = One::new(&running);
                    rt.yield_now().await;
                    Ok(1)
                };
                flights.run("ada", operation).await
            })
        });
        rt.yield_now().await;
        tasks[0].abort();
        let [first, second, third] = tasks;
        assert_eq!(second.await.expect("no panic"), Ok(1));
        assert_eq!(third.await.expect("no panic"), Ok(1));
        let _ = first.await;
        assert_empty(&flights);
    });
    passed(explored);
}

/// There is never another.
struct One<'a>(&'a AtomicUsize);

impl<'a> One<'a> {
    fn new(running: &'a AtomicUsize) -> Self {
        assert_eq!(running.fetch_add(1, SeqCst), 0, "two at a time");
        Self(running)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn never_two_of_a_key_at_a_time_and_nobody_is_forgotten() {
    let explored =
        Explore::seeds(0..60).builder(Sim::builder().faults(Faults::gentle())).run(|rt: Sim| async move {
            let flights = SingleFlight::<usize, usize, usize>::new(&rt);
            let running = Arc::new([(); 3].map(|()| AtomicUsize::new(0)));
            let tasks: Vec<_> = (0..24)
                .map(|task: usize| {
                    let (rt, flights, running) = (rt.clone(), flights.clone(), Arc::clone(&running));
                    let key = task % 3;
                    rt.clone().spawn(async move {
                        rt.sleep(ms(rt.random_u64() % 30)).await;
                        let operation = async {
                            let _one = One::new(&running[key]);
                            rt.sleep(ms(1 + rt.random_u64() % 20)).await;
                            if rt.random_u64() % 4 == 0 { Err(key) } else { Ok(key) }
                        };
                        let patience = ms(2 + rt.random_u64() % 40);
                        (key, rt.timeout(patience, flights.run(key, operation).detailed()).await)
                    })
                })
                .collect();
            for task in tasks {
                let (key, result) = task.await.expect("no panic");
                sometimes!(result.is_err(), "it has lost patience");
                if let Ok((result, role)) = result {
                    assert!(result == Ok(key) || result == Err(key));
                    sometimes!(role == Role::Leader, "it led");
                    sometimes!(role == Role::Follower && result.is_ok(), "it followed to a value");
                    sometimes!(role == Role::Follower && result.is_err(), "it followed to an error");
                }
            }
            assert_empty(&flights);
        });
    passed(explored);
}
