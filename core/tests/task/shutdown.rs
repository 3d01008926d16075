//! Shutdowns: who ends when, and what the report says.

use crate::kit::{in_ticks, ticks};
use backstay::Runtime;
use backstay::testing::{Sim, Subject, Tracker, cancel_sweep, test_on_every_runtime};
use backstay_core::task::{CancelReason, JoinSet, Shutdown, ShutdownReport, TaskLabel, scope};
use futures::channel::mpsc;
use futures::{FutureExt, StreamExt, stream};
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

test_on_every_runtime! {
    sim only;
    s14_tasks_of_tasks_end_too
    s15_dropping_the_last_handle_aborts
    s17_work_in_progress_may_start_parts_while_it_drains
    s18_panics_are_reported_with_their_names
    each_task_is_in_one_list
    nothing_new_is_taken_in
    it_ends_when_all_have_ended
    a_second_signal_forces
    one_signal_that_two_hear_is_one
    a_trigger_is_no_signal
    it_always_ends_when_its_time_is_over
    a_run_that_is_dropped_goes_on_later
    the_end_of_signals_is_no_signal
    two_who_run_it_both_end
    s15_what_is_left_when_it_is_over_is_counted
    force_is_also_the_first_signal
    what_is_aborted_starts_nothing_any_more
    no_time_at_all_is_time_for_the_abort
    a_runtime_has_one_turn_for_the_abort_at_least
    a_runtime_has_that_turn_also_where_it_is_forced
    what_a_dropped_owner_has_left_and_does_not_end_is_reported
}

test_on_every_runtime! {
    sim only, with (seeds = 4);
    s27_a_blocking_function_that_runs_is_not_waited_for
}

fn names(labels: &[TaskLabel]) -> Vec<&str> {
    labels.iter().map(|label| label.name().unwrap_or("-")).collect()
}

async fn shut_down<R: Runtime>(shutdown: &Shutdown<R>, drain: Duration, grace: Duration) -> ShutdownReport {
    shutdown.trigger("the end");
    shutdown.run(stream::pending::<CancelReason>()).drain(drain).grace(grace).await
}

async fn each_task_is_in_one_list<R: Runtime>(rt: R) {
    let (shutdown, tracker, start) = (Shutdown::new(&rt), Tracker::new(), rt.now());
    let spawn = |name: &str, work: futures::future::BoxFuture<'static, ()>| {
        let held = tracker.track(());
        let task = async move {
            work.await;
            drop(held);
        };
        assert!(shutdown.named(name).spawn(task).is_ok());
    };
    let (stop, token) = (shutdown.stop_token().clone(), shutdown.token().clone());
    spawn("before", async {}.boxed());
    spawn("ticker", async move { drop(stop.cancelled().await) }.boxed());
    spawn("request", rt.sleep(ticks(30)).boxed());
    spawn("query", async move { drop(token.cancelled().await) }.boxed());
    spawn("late", rt.sleep(ticks(70)).boxed());
    spawn("stuck", pending().boxed());
    spawn("bomb", rt.sleep(ticks(20)).map(|()| resume_unwind(Box::new("a bomb"))).boxed());
    let signals = stream::once(rt.sleep(ticks(10)).map(|()| "SIGTERM"));
    let report = shutdown.run(signals).drain(ticks(40)).grace(ticks(40)).await;
    assert_eq!(report.reason, CancelReason::from("SIGTERM"));
    assert_eq!(names(&report.finished), ["ticker", "request"]);
    assert_eq!(names(&report.cancelled), ["query", "late"]);
    assert_eq!(names(&report.aborted), ["stuck"]);
    assert!(matches!(&report.panicked[..], [(label, panic)]
        if label.name() == Some("bomb") && panic.message() == Some("a bomb")));
    assert!(report.still_blocking.is_empty() && !report.forced && !report.is_clean());
    assert_eq!((in_ticks(report.elapsed), in_ticks(rt.now() - start)), (80, 90));
    assert_eq!(
        report.to_string(),
        "SIGTERM: 2 finished, 2 cancelled, 1 aborted (task `stuck`), 1 panicked (task `bomb`)"
    );
    tracker.assert_none_alive();
    let counts = shutdown.counts();
    assert_eq!((counts.running, counts.finished, counts.cancelled, counts.panicked), (0, 5, 1, 1));
}

async fn nothing_new_is_taken_in<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    shutdown.trigger("the end");
    assert!(shutdown.spawn(async {}).is_err());
    assert!(shutdown.spawn_blocking(|| ()).is_err());
    shutdown.spawn_part(async {}).expect("it is work in progress");
    let report = shut_down(&shutdown, ticks(1), ticks(1)).await;
    assert_eq!((report.refused, report.finished.len()), (2, 1));
    assert!(shutdown.spawn_part(async {}).is_err(), "it is over");
}

async fn s17_work_in_progress_may_start_parts_while_it_drains<R: Runtime>(rt: R) {
    let (shutdown, done) = (Shutdown::new(&rt), Arc::new(AtomicU32::new(0)));
    let (own, done_by_part) = (shutdown.clone(), Arc::clone(&done));
    let nap = rt.sleep(ticks(5));
    let task = async move {
        nap.await;
        let nap = own.runtime().sleep(ticks(5));
        let part = async move {
            nap.await;
            done_by_part.fetch_add(1, SeqCst);
        };
        assert!(own.spawn_part(part).is_ok());
    };
    assert!(shutdown.spawn(task).is_ok());
    let report = shut_down(&shutdown, ticks(20), ticks(1)).await;
    assert!(report.is_clean());
    assert_eq!((done.load(SeqCst), in_ticks(report.elapsed)), (1, 10));
}

async fn s14_tasks_of_tasks_end_too<R: Runtime>(rt: R) {
    let (shutdown, tracker) = (Shutdown::new(&rt), Tracker::new());
    let (own, parent) = (tracker.clone(), shutdown.clone());
    let task = async move {
        let mut set = JoinSet::new(&parent);
        let held = own.track(());
        set.spawn(pending::<()>().map(|()| drop(held)));
        let _ = scope(&parent, |s| async move {
            let held = own.track(());
            s.spawn(pending::<Result<(), ()>>().map(|outcome| {
                drop(held);
                outcome
            }));
            pending::<Result<(), ()>>().await
        })
        .await;
        set.join_next().await;
    };
    assert!(shutdown.named("owner").spawn(task).is_ok());
    rt.sleep(ticks(1)).await;
    let report = shut_down(&shutdown, ticks(2), ticks(2)).await;
    tracker.assert_none_alive();
    assert_eq!(names(&report.aborted)[0], "owner");
}

async fn s15_dropping_the_last_handle_aborts<R: Runtime>(rt: R) {
    let (shutdown, tracker) = (Shutdown::new(&rt), Tracker::new());
    let held = tracker.track(());
    assert!(shutdown.spawn(pending::<()>().map(|()| drop(held))).is_ok());
    let below = shutdown.token().child();
    drop(shutdown);
    assert_eq!(below.reason(), Some(CancelReason::GuardDropped), "owners below are told");
    rt.sleep(ticks(1)).await;
    tracker.assert_none_alive();
}

async fn s18_panics_are_reported_with_their_names<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    assert!(shutdown.named("early").spawn(async { resume_unwind(Box::new("before")) }).is_ok());
    rt.sleep(ticks(1)).await;
    assert!(shutdown.named("job").spawn_blocking(|| ()).is_ok());
    let report = shut_down(&shutdown, ticks(5), ticks(1)).await;
    assert!(report.panicked.is_empty(), "it was before the signal");
    assert_eq!(shutdown.counts().panicked, 1);
    assert_eq!(names(&report.finished), ["job"]);
}

async fn s27_a_blocking_function_that_runs_is_not_waited_for<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    for n in 0..3 {
        assert!(shutdown.named(format!("job {n}")).spawn_blocking(|| ()).is_ok());
    }
    let report = shut_down(&shutdown, Duration::ZERO, Duration::ZERO).await;
    assert_eq!(report.elapsed, Duration::ZERO);
    assert_eq!(
        report.finished.len() + report.cancelled.len() + report.aborted.len() + report.still_blocking.len(),
        3
    );
    rt.sleep(Duration::from_secs(1)).await;
}

async fn it_ends_when_all_have_ended<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    let report = shut_down(&shutdown, Duration::MAX, Duration::MAX).await;
    assert_eq!((report.elapsed, report.is_clean()), (Duration::ZERO, true));
    assert_eq!(report.to_string(), "the end: 0 finished, 0 cancelled, 0 aborted, 0 panicked");
}

async fn a_second_signal_forces<R: Runtime>(rt: R) {
    for by_hand in [true, false] {
        let shutdown = Shutdown::new(&rt);
        assert!(shutdown.spawn(pending()).is_ok());
        let (send, signals) = mpsc::unbounded();
        send.unbounded_send("SIGINT").unwrap();
        let own = shutdown.clone();
        let nap = rt.sleep(ticks(5));
        let second = rt.spawn(async move {
            nap.await;
            if by_hand {
                own.force();
            } else {
                send.unbounded_send("SIGINT").unwrap();
            }
        });
        let report = shutdown.run(signals).drain(Duration::MAX).await;
        assert!(report.forced);
        assert_eq!((in_ticks(report.elapsed), report.aborted.len()), (5, 1));
        second.await.unwrap();
    }
}

async fn one_signal_that_two_hear_is_one<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    shutdown.spawn(rt.sleep(ticks(5))).expect("it has not begun");
    let run = || shutdown.run(stream::iter(["SIGTERM"])).drain(ticks(10));
    let (one, other) = futures::join!(run(), run());
    assert!(!one.forced && !other.forced, "{one}; {other}");
    // Whoever runs it afterwards has missed the first, and hears the second.
    let (shutdown, never) = (Shutdown::new(&rt), stream::pending::<&str>);
    assert!(shutdown.spawn(pending()).is_ok());
    assert!(shutdown.run(stream::iter(["SIGTERM"]).chain(never())).now_or_never().is_none());
    assert!(shutdown.run(stream::iter(["SIGTERM"]).chain(never())).drain(Duration::MAX).await.forced);
}

async fn a_trigger_is_no_signal<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    shutdown.spawn(rt.sleep(ticks(5))).expect("it has not begun");
    shutdown.trigger("a new version");
    // The orchestrator's own, on top of it: what is in progress is not cut off.
    let signals = stream::iter(["SIGTERM"]).chain(stream::pending());
    let report = shutdown.run(signals).drain(ticks(10)).await;
    assert!(report.is_clean() && !report.forced, "{report}");
    assert_eq!((report.finished.len(), report.reason), (1, CancelReason::from("a new version")));
}

async fn it_always_ends_when_its_time_is_over<R: Runtime>(rt: R) {
    let (shutdown, tracker) = (Shutdown::new(&rt), Tracker::new());
    for n in 0..100 {
        let held = tracker.track(());
        let task = async move {
            loop {
                pending::<()>().await;
                let _ = &held;
            }
        };
        assert!(shutdown.named(format!("{n}")).spawn(task).is_ok());
    }
    let report = shut_down(&shutdown, ticks(7), ticks(3)).await;
    assert_eq!((in_ticks(report.elapsed), report.aborted.len()), (10, 100));
    assert_eq!(names(&report.aborted[..2]).len(), 2);
    assert!(report.to_string().contains(" and 90 more)"), "{report}");
    tracker.assert_none_alive();
}

async fn a_run_that_is_dropped_goes_on_later<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    assert!(shutdown.spawn(pending()).is_ok());
    let signals = stream::iter(["SIGTERM"]).chain(stream::pending());
    let run = shutdown.run(signals).drain(ticks(10)).grace(ticks(10));
    assert!(rt.timeout(ticks(15), run).await.is_err());
    assert!(shutdown.token().is_cancelled());
    let report = shutdown.run(stream::pending::<&str>()).drain(ticks(10)).grace(ticks(10)).await;
    assert_eq!((in_ticks(report.elapsed), report.aborted.len()), (20, 1));
}

async fn the_end_of_signals_is_no_signal<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    let run = shutdown.run(stream::empty::<&str>());
    assert!(rt.timeout(Duration::from_secs(60), run).await.is_err());
    assert!(!shutdown.stop_token().is_cancelled());
}

async fn s15_what_is_left_when_it_is_over_is_counted<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    let mut set = JoinSet::new(&shutdown);
    set.spawn(pending::<()>());
    assert!(shut_down(&shutdown, ticks(1), ticks(1)).await.is_clean(), "it has no task");
    drop(set);
    assert_eq!(shutdown.orphaned(), 1);
    rt.sleep(ticks(1)).await;
}

async fn what_is_aborted_starts_nothing_any_more<R: Runtime>(rt: R) {
    struct Starts<R: Runtime>(Shutdown<R>, Arc<AtomicU32>);
    impl<R: Runtime> Drop for Starts<R> {
        fn drop(&mut self) {
            self.1.fetch_add(u32::from(self.0.spawn_part(pending()).is_err()), SeqCst);
        }
    }
    let (shutdown, refused) = (Shutdown::new(&rt), Arc::new(AtomicU32::new(0)));
    for _ in 0..3 {
        let starts = Starts(shutdown.clone(), Arc::clone(&refused));
        assert!(shutdown.spawn(pending::<()>().map(|()| drop(starts))).is_ok());
    }
    let report = shut_down(&shutdown, ticks(1), ticks(1)).await;
    assert_eq!((report.aborted.len(), report.refused, refused.load(SeqCst)), (3, 3, 3));
    assert_eq!(in_ticks(report.elapsed), 2);
}

async fn force_is_also_the_first_signal<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    assert!(shutdown.spawn(pending()).is_ok());
    shutdown.force();
    shutdown.force();
    let report = shutdown.run(stream::pending::<&str>()).await;
    assert!(report.forced);
    assert_eq!((report.reason.clone(), in_ticks(report.elapsed)), (CancelReason::Explicit, 0));
    assert_eq!((report.aborted.len(), shutdown.counts().running), (1, 0));
    let again = shutdown.run(stream::iter(["SIGTERM", "SIGTERM"])).await;
    assert!(again.is_clean() && again.reason == CancelReason::Explicit, "it is over");
}

async fn no_time_at_all_is_time_for_the_abort<R: Runtime>(rt: R) {
    let (shutdown, tracker) = (Shutdown::new(&rt), Tracker::new());
    for _ in 0..100 {
        // Each has a clone, and drops it with its task.
        let (held, own) = (tracker.track(()), shutdown.clone());
        let task = pending::<()>().map(move |()| drop((held, own)));
        assert!(shutdown.spawn(task).is_ok());
    }
    let report = shut_down(&shutdown, Duration::ZERO, Duration::ZERO).await;
    tracker.assert_none_alive();
    assert_eq!((in_ticks(report.elapsed), report.aborted.len()), (0, 100));
}

async fn a_runtime_has_one_turn_for_the_abort_at_least<R: Runtime>(rt: R) {
    let (shutdown, tracker) = (Shutdown::new(&rt), Tracker::new());
    for _ in 0..10 {
        let held = tracker.track(());
        assert!(shutdown.spawn(pending::<()>().map(move |()| drop(held))).is_ok());
    }
    shutdown.trigger("the end");
    let run = shutdown.run(stream::pending::<CancelReason>()).drain(Duration::ZERO).grace(Duration::ZERO);
    let report = run.abort_wait(Duration::ZERO).await;
    // Whose turn it is first is a matter of the schedule.
    let (aborted, left) = (report.aborted.len(), report.still_aborting.len());
    assert_eq!((aborted + left, report.still_blocking.len()), (10, 0), "{report}");
    assert!(tracker.alive() <= left && report.elapsed < ticks(1));
    rt.sleep(ticks(1)).await;
    tracker.assert_none_alive();
}

async fn a_runtime_has_that_turn_also_where_it_is_forced<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    assert!(shutdown.spawn(pending()).is_ok());
    shutdown.force();
    let run = shutdown.run(stream::pending::<CancelReason>()).abort_wait(Duration::ZERO);
    let mut run = std::pin::pin!(run);
    assert!(futures::poll!(run.as_mut()).is_pending());
    rt.sleep(ticks(1)).await;
    let report = run.await;
    assert_eq!((report.aborted.len(), report.forced), (1, true), "{report}");
}

async fn what_a_dropped_owner_has_left_and_does_not_end_is_reported<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    let nap = rt.sleep(ticks(20));
    let mut scope = Box::pin(scope(&shutdown, |s| {
        s.shield(nap.map(Ok::<_, ()>));
        pending::<Result<(), ()>>()
    }));
    assert!(futures::poll!(scope.as_mut()).is_pending());
    drop(scope);
    let report = shut_down(&shutdown, ticks(1), ticks(1)).await;
    assert_eq!(
        (names(&report.still_blocking), in_ticks(report.elapsed)),
        (vec!["what a dropped owner left"], 3)
    );
    assert!(report.still_aborting.is_empty() && !report.is_clean());
    rt.sleep(ticks(20)).await;
}

async fn two_who_run_it_both_end<R: Runtime>(rt: R) {
    let shutdown = Shutdown::new(&rt);
    assert!(shutdown.spawn(rt.sleep(ticks(10))).is_ok());
    shutdown.trigger("the end");
    let start = rt.now();
    let run = || {
        let own = shutdown.clone();
        rt.spawn(
            async move { own.run(stream::pending::<&str>()).drain(Duration::MAX).grace(Duration::MAX).await },
        )
    };
    let (one, other) = (run(), run());
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    assert_eq!(in_ticks(rt.now() - start), 10);
    assert_eq!(one.finished.len() + other.finished.len(), 1, "one of them has the report");
}

#[test]
fn s09_a_run_dropped_anywhere_leaves_a_shutdown_that_can_go_on() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let (shutdown, tracker) = (Shutdown::new(&rt), Tracker::new());
        for n in 0..4 {
            let (held, nap) = (tracker.track(()), rt.sleep(ticks(n * 3)));
            assert!(shutdown.spawn(nap.map(|()| drop(held))).is_ok());
        }
        let held = tracker.track(());
        assert!(shutdown.spawn(pending::<()>().map(|()| drop(held))).is_ok());
        let signals = stream::once(rt.sleep(ticks(1)).map(|()| "SIGTERM")).chain(stream::pending());
        subject.run(shutdown.run(signals).drain(ticks(4)).grace(ticks(4))).await;
        (shutdown, tracker)
    };
    let check = |_, (shutdown, tracker): (Shutdown<Sim>, Tracker)| async move {
        if shutdown.counts().running > 0 {
            shutdown.trigger("again");
            shutdown.run(stream::pending::<&str>()).drain(ticks(4)).grace(ticks(4)).await;
        }
        tracker.assert_none_alive();
    };
    cancel_sweep(scenario, check).unwrap_or_else(|failure| panic!("{failure}"));
}
