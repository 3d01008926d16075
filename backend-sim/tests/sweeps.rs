//! Sweeps cut an operation everywhere, and blame the right place.

use backstay_core::testing::Tracker;
use backstay_core::{JoinHandle, Runtime};
use backstay_sim::{FailureKind, Faults, Sim, Subject, Sweep, abort_sweep, cancel_sweep, panic_sweep};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// Three polls: at the start, after a sleep, after a yield.
async fn three_polls(rt: Sim, steps: Arc<AtomicU32>) -> &'static str {
    steps.fetch_add(1, SeqCst);
    rt.sleep(MS).await;
    steps.fetch_add(1, SeqCst);
    rt.yield_now().await;
    steps.fetch_add(1, SeqCst);
    "the end"
}

/// How far the operation got in each run, and what it gave.
type Seen = Mutex<Vec<(u32, Option<&'static str>)>>;

fn expected(seeds: usize) -> Vec<(u32, Option<&'static str>)> {
    let runs = [(3, Some("the end")), (0, None), (1, None), (2, None)];
    // Each is made twice.
    runs.into_iter().flat_map(|run| [run; 2]).collect::<Vec<_>>().repeat(seeds)
}

#[test]
fn a_future_is_dropped_before_each_of_its_polls() {
    let seen = Seen::default();
    let swept = Sweep::new().seeds(0..3).cancel(
        |rt: Sim, subject: Subject| {
            let seen = &seen;
            async move {
                let steps = Arc::new(AtomicU32::new(0));
                let output = subject.run(three_polls(rt, Arc::clone(&steps))).await;
                assert_eq!(Arc::strong_count(&steps), 1, "it is dropped by then");
                seen.lock().expect("no panic").push((steps.load(SeqCst), output));
            }
        },
        |_, ()| async {},
    );
    let swept = swept.expect("nothing is violated");
    assert_eq!((swept.runs, swept.polls), (12, 3));
    assert_eq!(seen.into_inner().expect("no panic"), expected(3));
}

#[test]
fn a_task_is_aborted_before_each_of_its_polls_and_made_to_panic_at_each() {
    for sweep in [abort, panic] {
        let seen = Arc::new(Seen::default());
        let tracker = Tracker::new();
        sweep(Arc::clone(&seen), tracker.clone());
        tracker.assert_none_alive();
        assert_eq!(*seen.lock().expect("no panic"), expected(8));
    }

    async fn scenario(rt: Sim, subject: Subject, seen: Arc<Seen>, tracker: Tracker) {
        let steps = Arc::new(AtomicU32::new(0));
        let held = tracker.track(());
        let work = three_polls(rt.clone(), Arc::clone(&steps));
        let output = subject.spawn(&rt, async move {
            let output = work.await;
            drop(held);
            output
        });
        let output = output.await;
        assert_eq!(tracker.alive(), 0, "its destructor has run by then");
        seen.lock().expect("no panic").push((steps.load(SeqCst), output));
    }
    fn abort(seen: Arc<Seen>, tracker: Tracker) {
        let scenario = |rt, subject| scenario(rt, subject, Arc::clone(&seen), tracker.clone());
        abort_sweep(scenario, |_, ()| async {}).expect("nothing is violated");
    }
    fn panic(seen: Arc<Seen>, tracker: Tracker) {
        let scenario = |rt, subject| scenario(rt, subject, Arc::clone(&seen), tracker.clone());
        panic_sweep(scenario, |_, ()| async {}).expect("nothing is violated");
    }
}

#[test]
fn in_a_panic_sweep_destructors_run_while_the_thread_unwinds() {
    struct TellsPanic(Arc<AtomicU32>);
    impl Drop for TellsPanic {
        fn drop(&mut self) {
            self.0.fetch_add(u32::from(std::thread::panicking()), SeqCst);
        }
    }
    let panicking = Arc::new(AtomicU32::new(0));
    let scenario = |rt: Sim, subject: Subject| {
        let tells = TellsPanic(Arc::clone(&panicking));
        async move {
            let operation = async {
                let _tells = tells;
                rt.sleep(MS).await;
            };
            subject.run(operation).await;
        }
    };
    Sweep::new().seeds(0..1).panic(scenario, |_, ()| async {}).expect("nothing is violated");
    assert_eq!(panicking.load(SeqCst), 4, "once before each of two polls, in runs that are made twice");
}

#[test]
fn a_failure_says_where_the_subject_was_cut() {
    let failure = abort_sweep(
        |rt: Sim, subject: Subject| async move {
            let done = Arc::new(AtomicU32::new(0));
            let work = {
                let (rt, done) = (rt.clone(), Arc::clone(&done));
                async move {
                    rt.sleep(MS).await;
                    rt.sleep(MS).await;
                    done.store(1, SeqCst);
                }
            };
            subject.spawn(&rt, work).await;
            done
        },
        |_, done| async move { assert_eq!(done.load(SeqCst), 1, "not done") },
    );
    let report = failure.expect_err("it is aborted").to_string();
    assert!(report.starts_with("BACKSTAY_CUT=0 BACKSTAY_SEED=0 "), "{report}");
    assert!(report.contains("panicked: ") && report.contains("not done"), "{report}");
    assert!(report.contains("aborted before poll 0 of 3"), "{report}");
    assert!(report.contains("backend-sim/tests/sweeps.rs:"), "{report}");
}

#[test]
fn a_failure_without_a_cut_is_nobodys() {
    let failure = cancel_sweep(
        |_: Sim, subject: Subject| async move { subject.run(async {}).await },
        |_, _| async { panic!("always") },
    );
    let report = failure.expect_err("the check always fails").to_string();
    assert!(report.starts_with("BACKSTAY_SEED=0 ") && !report.contains("subject"), "{report}");
}

#[test]
fn a_sweep_without_a_subject_fails() {
    let failure =
        cancel_sweep(|_: Sim, _: Subject| async {}, |_, ()| async {}).expect_err("nothing is swept");
    assert!(matches!(failure.kind(), FailureKind::NotCovered), "{failure}");
}

#[test]
fn what_the_subject_leaves_behind_fails_the_sweep() {
    let failure = cancel_sweep(
        |rt: Sim, subject: Subject| async move {
            let operation = async {
                // Detached when it is dropped: nobody stops it.
                let child = rt.spawn_named("orphan", std::future::pending::<()>());
                rt.sleep(MS).await;
                child.abort();
            };
            subject.run(operation).await;
        },
        |_, ()| async {},
    );
    let failure = failure.expect_err("a task is left");
    assert!(matches!(failure.kind(), FailureKind::Leak), "{failure}");
    assert!(failure.to_string().contains("orphan"), "{failure}");
}

#[test]
fn under_faults_each_poll_is_still_cut_once() {
    let builder = Sim::builder().faults(Faults::gentle());
    let swept = Sweep::new().seeds(0..50).builder(builder).cancel(
        |rt: Sim, subject: Subject| async move {
            subject.run(three_polls(rt, Arc::default())).await;
        },
        |_, ()| async {},
    );
    let swept = swept.expect("nothing is violated");
    assert!(swept.polls >= 3 && swept.runs >= 200, "{swept:?}");
}

#[test]
fn of_many_polls_some_are_cut() {
    let sweep = Sweep::new().seeds(0..1).max_polls(10);
    let swept = sweep.cancel(
        |rt: Sim, subject: Subject| async move {
            let many = async {
                for _ in 0..999 {
                    rt.yield_now().await;
                }
            };
            subject.run(many).await;
        },
        |_, ()| async {},
    );
    let swept = swept.expect("nothing is violated");
    assert_eq!((swept.polls, swept.runs), (1_000, 11));
}
