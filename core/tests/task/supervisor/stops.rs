//! How it ends: in the reverse order, within limits, and with nothing left.

use super::kit::{Boom, Log, Spec, failing, run_for, sleeper, slow, spec};
use crate::kit::{ms, poll_once};
use backstay::testing::{Sim, Tracker};
use backstay_core::Runtime;
use backstay_core::task::{
    AutoShutdown, CancelReason, JoinSet, Restart, RestartDelay, Root, StopLimit, Strategy, Supervisor,
    SupervisorEnd,
};
use std::future::pending;
use std::sync::Arc;

/// Never stops by itself.
fn stuck(name: &str) -> Spec {
    spec(name, Restart::Permanent, |_| pending())
}

#[test]
fn children_stop_in_the_reverse_order_each_within_its_limit() {
    let ran = run_for(100, |s, _| {
        s.child(slow("a", 0, 30))
            .child(stuck("b").stop_limit(StopLimit::Within(ms(200))))
            .child(stuck("c").stop_limit(StopLimit::Brutal))
            .child(slow("d", 0, 10_000).stop_limit(StopLimit::Unlimited))
    });
    let report = ran.outcome.expect("it is stopped");
    assert_eq!(ran.told[4..], ["d: finished", "c: aborted", "b: aborted", "a: finished", "stopped"]);
    assert_eq!(ran.elapsed, ms(100 + 10_000 + 200 + 30));
    assert_eq!((report.aborted, report.overdue), (2, vec![Arc::from("b")]));
    assert_eq!(report.end, SupervisorEnd::Cancelled(CancelReason::Explicit));
}

#[test]
fn a_child_has_five_seconds_unless_told_otherwise() {
    let ran = run_for(0, |s, _| s.child(stuck("a")));
    assert_eq!((ran.elapsed, ran.outcome.expect("it is stopped").overdue.len()), (ms(5000), 1));
}

#[test]
fn dynamic_children_stop_all_at_once() {
    let ran = run_for(10, |s, _| {
        (0..100).fold(s.strategy(Strategy::Dynamic), |s, number| s.child(slow(&number.to_string(), 0, 50)))
    });
    assert_eq!((ran.elapsed, ran.outcome.expect("it is stopped").finished), (ms(60), 100));
}

#[test]
fn s17_a_child_is_told_and_has_time_to_clean_up() {
    let log = Log::default();
    let ran = run_for(10, |s, _| {
        let log = log.clone();
        s.child(spec("a", Restart::Permanent, move |context| {
            let log = log.clone();
            async move {
                let reason = context.token().cancelled().await;
                context.runtime().sleep(ms(20)).await;
                log.add(context.runtime(), format!("written, {reason}"));
                Ok(())
            }
        }))
    });
    assert_eq!(log.take(), ["30 written, its supervisor stops it"]);
    assert!(ran.outcome.is_ok());
}

#[test]
fn the_token_of_a_run_is_cancelled_with_its_end() {
    let run = Sim::builder().run(|rt| async move {
        let (give, mut take) = backstay_core::channel::mpsc::channel(backstay_core::Limit::MAX);
        let supervisor = Supervisor::builder(&rt, "s")
            .restart_delay(RestartDelay::doubling(ms(10), ms(10)).jitter(0))
            .child(spec("a", Restart::Permanent, move |context| {
                give.try_send(context.token().clone()).expect("there is room");
                async move {
                    context.runtime().sleep(ms(10)).await;
                    Err(Boom("boom"))
                }
            }))
            .build()
            .expect("it makes sense");
        let mut run = Box::pin(supervisor.run(&rt));
        assert!(rt.timeout(ms(5), run.as_mut()).await.is_err());
        let first = take.try_recv().expect("it runs");
        assert!(!first.is_cancelled());
        assert!(rt.timeout(ms(10), run.as_mut()).await.is_err());
        assert!(first.is_cancelled(), "and not only when it is started again");
        assert!(rt.timeout(ms(10), run.as_mut()).await.is_err());
        let second = take.try_recv().expect("it runs again");
        assert!(!second.is_cancelled());
        drop(run);
        assert!(second.is_cancelled(), "and when it is aborted");
    });
    run.expect("nothing is left");
}

#[test]
fn one_whose_parent_is_cancelled_starts_nothing() {
    let ran = run_for(0, |s, _| s.child(sleeper("a", Restart::Permanent)));
    assert!(ran.outcome.is_ok());
    let run = Sim::builder().run(|rt| async move {
        let root = Root::new(&rt);
        root.token().cancel_with("closed");
        let made = || unreachable!("nothing is made");
        let supervisor = Supervisor::<Sim, Boom>::builder(&rt, "s")
            .child(spec("a", Restart::Permanent, move |_| -> std::future::Ready<Result<(), Boom>> { made() }))
            .on_started(|| unreachable!("nothing is started"))
            .build()
            .expect("it makes sense");
        supervisor.run(&root).await.expect("it is stopped")
    });
    let report = run.expect("nothing is left").value;
    assert_eq!((report.starts, report.never_started), (0, vec![Arc::from("a")]));
    assert_eq!(report.end, SupervisorEnd::Cancelled(CancelReason::from("closed")));
}

#[test]
fn a_stop_signal_comes_before_the_failure_that_it_brings_about() {
    // A child that fails because the parent is cancelled is no failure to be cured or given up on.
    let run = Sim::builder().run(|rt| async move {
        let root = Root::new(&rt);
        let outer = root.token().clone();
        let supervisor = Supervisor::builder(&rt, "s")
            .intensity(0)
            .child(spec("a", Restart::Permanent, move |_| {
                let outer = outer.clone();
                async move {
                    outer.cancelled().await;
                    Err(Boom("the world ends"))
                }
            }))
            .build()
            .expect("it makes sense");
        let run = rt.spawn(supervisor.run(&root));
        rt.sleep(ms(5)).await;
        root.token().cancel();
        run.await.expect("no panic").expect("it is stopped").failed
    });
    assert_eq!(run.expect("nothing is left").value, 1);
}

#[test]
fn significant_children_end_it() {
    let ends = |name: &str, after| {
        spec(name, Restart::Transient, move |context| async move {
            let _ = context.token().run(context.runtime().sleep(ms(after))).await;
            Ok(())
        })
    };
    for (auto, elapsed, by) in
        [(AutoShutdown::AnySignificant, 10, "a"), (AutoShutdown::AllSignificant, 20, "b")]
    {
        let ran = run_for(100, |s, _| {
            s.auto_shutdown(auto)
                .child(ends("a", 10).significant())
                .child(ends("b", 20).significant())
                .child(ends("c", 1))
        });
        assert_eq!(ran.elapsed, ms(elapsed));
        assert_eq!(ran.outcome.expect("it ends").end, SupervisorEnd::Significant(Arc::from(by)));
    }
}

#[test]
fn children_that_have_all_ended_do_not_end_it() {
    let ran = run_for(100, |s, _| s.child(failing("a", Restart::Temporary, 1)));
    assert_eq!((ran.elapsed, ran.outcome.expect("it is stopped").failed), (ms(100), 1));
    assert_eq!(run_for(100, |s, _| s).elapsed, ms(100));
}

#[test]
fn on_started_is_called_when_all_have_been_up() {
    let log = Log::default();
    run_for(100, |s, rt| {
        let (log, rt) = (log.clone(), rt.clone());
        s.child(slow("a", 10, 0))
            .child(failing("b", Restart::Temporary, 15).signals_ready())
            .child(slow("c", 10, 0))
            .on_started(move || log.add(&rt, "up"))
    })
    .outcome
    .expect("it is stopped");
    assert_eq!(log.take(), ["35 up"]);
}

#[test]
fn s15_dropped_early_it_aborts_all_and_its_parent_knows() {
    let tracker = Tracker::new();
    let run = Sim::builder().run(|rt| {
        let tracker = tracker.clone();
        async move {
            let root = Root::new(&rt);
            let make = |s, name: &str| {
                let tracker = tracker.clone();
                backstay_core::task::SupervisorBuilder::child(
                    s,
                    spec(name, Restart::Permanent, move |_| {
                        let held = tracker.track(());
                        async move {
                            pending::<()>().await;
                            drop(held);
                            Ok(())
                        }
                    }),
                )
            };
            let s = Supervisor::builder(&rt, "s");
            let supervisor = make(make(s, "a"), "b").build().expect("it makes sense");
            let handle = supervisor.handle();
            let mut run = Box::pin(supervisor.run(&root));
            assert!(poll_once(run.as_mut()).is_pending());
            assert_eq!(tracker.alive(), 2);
            drop(run);
            assert_eq!(root.orphaned(), 2);
            assert!(handle.add(sleeper("c", Restart::Permanent)).is_err());
            assert!(handle.events().recv().await.is_err(), "the events have ended");
            rt.sleep(ms(1)).await;
            tracker.assert_none_alive();
        }
    });
    run.expect("nothing is left");
}

#[test]
fn s15_what_a_child_owned_has_ended_before_it_is_started_again() {
    let log = Log::default();
    let run = Sim::builder().run(|rt| {
        let log = log.clone();
        async move {
            // Takes 7 ms to let go of what it has, when it is aborted: a blocking job that can't be.
            let child = spec("a", Restart::Permanent, move |context| {
                let log = log.clone();
                log.add(context.runtime(), "start");
                async move {
                    let mut own = JoinSet::new(&context);
                    let blocking = context.runtime().clone();
                    blocking.set_blocking_cost(ms(7));
                    own.spawn_blocking({
                        let log = log.clone();
                        move || log.add(&blocking, "own")
                    });
                    context.runtime().sleep(ms(1)).await;
                    Err(Boom("boom"))
                }
            });
            let supervisor = Supervisor::builder(&rt, "s").intensity(1).child(child).build();
            supervisor.expect("it makes sense").run(&rt).await.expect_err("it gives up");
        }
    });
    run.expect("nothing is left");
    let log = log.take();
    let times: Vec<_> = log.iter().map(String::as_str).collect();
    assert_eq!(times.iter().filter(|line| line.ends_with("start")).count(), 2, "{times:?}");
    let second = times.iter().rposition(|line| line.ends_with("start"));
    assert!(times[..second.unwrap()].iter().any(|line| line.ends_with("own")), "{times:?}");
}

#[test]
fn a_stop_between_two_starts_withdraws_those_that_are_due() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic] {
        let run = Sim::builder().run(|rt| async move {
            let root = Root::new(&rt);
            let stop = root.token().clone();
            let supervisor = Supervisor::builder(&rt, "s")
                .strategy(strategy)
                .child(spec("a", Restart::Permanent, move |context| {
                    stop.cancel();
                    async move {
                        context.token().cancelled().await;
                        Ok(())
                    }
                }))
                .child(sleeper("b", Restart::Permanent))
                .child(sleeper("c", Restart::Permanent))
                .on_started(|| unreachable!("two were never started"))
                .build()
                .expect("it makes sense");
            supervisor.run(&root).await.expect("it is stopped")
        });
        let report = run.unwrap_or_else(|failure| panic!("{failure}")).value;
        assert_eq!((report.starts, report.never_started.len()), (1, 2), "{strategy:?}");
    }
}

#[test]
fn overdue_is_who_has_not_ended_not_who_has_left_something_behind() {
    let run = Sim::builder().run(|rt| async move {
        rt.set_blocking_cost(ms(100)); // a job that can't be aborted once it runs
        let child = spec("a", Restart::Temporary, |context| async move {
            let mut own = JoinSet::new(&context);
            own.spawn_blocking(|| ());
            context.token().cancelled().await;
            Ok(())
        });
        let child = child.stop_limit(StopLimit::Within(ms(10)));
        let supervisor = Supervisor::builder(&rt, "s").child(child).build().expect("it makes sense");
        let handle = supervisor.handle();
        let run = rt.spawn(supervisor.run(&rt));
        rt.sleep(ms(5)).await;
        handle.stop();
        run.await.expect("no panic").expect("it is stopped")
    });
    let run = run.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!((run.elapsed, run.value.finished), (ms(100), 1), "what is left is awaited beyond the limit");
    assert!(run.value.overdue.is_empty(), "{:?}", run.value);
}

#[test]
fn who_has_ended_in_time_is_not_overdue_though_the_supervisor_is_polled_late() {
    let run = Sim::builder().run(|rt| async move {
        let child = |name| slow(name, 0, 5).stop_limit(StopLimit::Within(ms(10)));
        let supervisor = Supervisor::builder(&rt, "s").strategy(Strategy::Dynamic);
        let supervisor = supervisor.child(child("a")).child(child("b")).child(child("c")).build();
        let supervisor = supervisor.expect("it makes sense");
        let handle = supervisor.handle();
        let mut run = Box::pin(supervisor.run(&rt));
        assert!(poll_once(run.as_mut()).is_pending());
        rt.sleep(ms(1)).await;
        handle.stop();
        assert!(poll_once(run.as_mut()).is_pending());
        rt.sleep(ms(20)).await;
        run.await.expect("it is stopped")
    });
    let report = run.unwrap_or_else(|failure| panic!("{failure}")).value;
    assert_eq!((report.finished, report.overdue_total), (3, 0), "{:?}", report.overdue);
}

#[test]
fn the_report_names_the_latest_who_were_overdue_and_counts_all() {
    let run = Sim::builder().run(|rt| async move {
        let supervisor = Supervisor::<Sim, Boom>::builder(&rt, "s").build().expect("it makes sense");
        let handle = supervisor.handle();
        let run = rt.spawn(supervisor.run(&rt));
        for number in 0..70 {
            let name = number.to_string();
            handle.add(stuck(&name).stop_limit(StopLimit::Within(ms(1)))).expect("there is none");
            rt.sleep(ms(1)).await;
            handle.remove(&name).expect("it is there").await;
        }
        handle.stop();
        run.await.expect("no panic").expect("it is stopped")
    });
    let report = run.unwrap_or_else(|failure| panic!("{failure}")).value;
    assert_eq!((report.overdue_total, report.overdue.len()), (70, 64));
    assert_eq!((&*report.overdue[0], &*report.overdue[63]), ("6", "69"));
}

/// Something of a user's whose destructor panics.
struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new("a destructor"));
        }
    }
}

/// Wakes nobody, and panics.
struct BadWaker;

impl std::task::Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        std::panic::resume_unwind(Box::new("a waker"));
    }
}

/// A child whose factory can't be dropped in peace.
fn bad(name: &str) -> Spec {
    let captured = Bad;
    spec(name, Restart::Temporary, move |context| {
        let _ = &captured;
        async move {
            context.token().cancelled().await;
            Ok(())
        }
    })
}

#[test]
fn s18_panics_of_destructors_and_wakers_are_not_the_supervisors() {
    let run = Sim::builder().run(|rt| async move {
        let (give, mut take) = backstay_core::channel::mpsc::channel(backstay_core::Limit::MAX);
        let supervisor = Supervisor::builder(&rt, "s")
            .child(bad("a"))
            .child(bad("b"))
            .child(bad("c"))
            .child(spec("d", Restart::Temporary, move |context| {
                give.try_send(context.token().clone()).expect("there is room");
                async move {
                    context.runtime().sleep(ms(10)).await;
                    Ok(())
                }
            }))
            .build()
            .expect("it makes sense");
        let handle = supervisor.handle();
        let run = rt.spawn(supervisor.run(&rt));
        rt.sleep(ms(5)).await;
        handle.remove("a").expect("it is there").await;
        // Woken at the end of the run.
        let token = take.try_recv().expect("it runs");
        let mut cancelled = Box::pin(token.cancelled());
        assert!(crate::kit::poll_with(cancelled.as_mut(), &Arc::new(BadWaker).into()).is_pending());
        rt.sleep(ms(10)).await;
        drop(cancelled);
        handle.stop();
        run.await.expect("no panic").expect("it is stopped")
    });
    let report = run.unwrap_or_else(|failure| panic!("{failure}")).value;
    assert_eq!((report.starts, report.finished), (4, 4));
}

#[test]
fn s18_dropped_early_it_drops_all_its_children_whatever_their_destructors_do() {
    let run = Sim::builder().run(|rt| async move {
        let root = Root::new(&rt);
        let supervisor = Supervisor::builder(&rt, "s").child(bad("a")).child(bad("b")).build();
        let supervisor = supervisor.expect("it makes sense");
        supervisor.handle().add(bad("c")).expect("there is none");
        let mut run = Box::pin(supervisor.run(&root));
        assert!(poll_once(run.as_mut()).is_pending());
        drop(run);
        let unused = Supervisor::builder(&rt, "t").child(bad("a")).child(bad("b")).build();
        drop(unused.expect("it makes sense"));
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
