//! Shutdowns.

use crate::kit::{SOON, ms};
use backstay::testing::Tracker;
use backstay::{Runtime, test_on_every_runtime};
use backstay_async_std::AsyncStdOwner;
use backstay_core::task::{CancelReason, Shutdown, ShutdownReport, TaskLabel, scope};
use backstay_core::{BlockOn, Config};
use backstay_smol::SmolOwner;
use backstay_tokio::TokioOwner;
use futures::{StreamExt, stream};
use std::future::{pending, poll_fn};
use std::num::NonZero;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

test_on_every_runtime! {
    a_program_ends_in_order_and_its_report_adds_up
}

async fn a_program_ends_in_order_and_its_report_adds_up<R: Runtime>(rt: R) {
    let (shutdown, tracker) = (Shutdown::new(&rt), Tracker::new());
    for n in 0..50 {
        let (held, own) = (tracker.track(()), shutdown.clone());
        let task = async move {
            match n % 5 {
                0 => drop(own.stop_token().cancelled().await),
                1 => drop(own.token().cancelled().await),
                2 => {
                    let work = scope(&own, |s| async move {
                        s.spawn(pending::<Result<(), ()>>());
                        pending::<Result<(), ()>>().await
                    });
                    assert!(work.await.unwrap_err().is_cancelled());
                }
                3 => pending().await,
                _ => own.runtime().sleep(ms(1)).await,
            }
            drop(held);
        };
        shutdown.named(format!("task {n}")).spawn(task).expect("it has not begun");
    }
    shutdown.named("job").spawn_blocking(|| ()).expect("it has not begun");
    // What sleeps may have ended before the signal comes, and the job too.
    let signals = stream::once(rt.sleep(ms(5))).map(|()| CancelReason::from("SIGTERM"));
    // On a machine that is busy, what is aborted takes its time.
    let report = shutdown.run(signals).drain(ms(10)).grace(ms(20)).abort_wait(SOON).await;
    // How many heed their tokens in time depends on the machine; that each is in one list doesn't.
    let stuck =
        report.aborted.iter().filter(|label| label.name().is_some_and(|name| name.ends_with(['3', '8'])));
    assert_eq!(stuck.count(), 10, "{report}");
    let listed = report.finished.len() + report.cancelled.len() + report.aborted.len();
    assert!((40..=51).contains(&listed), "{report}");
    assert!(report.panicked.is_empty() && report.still_blocking.is_empty(), "{report}");
    assert_eq!(shutdown.counts().finished + shutdown.counts().cancelled, 51);
    tracker.assert_none_alive();
}

/// One task that blocks in its poll, and some that wait; the shutdown has no time to lose.
fn with_one_that_blocks<O: BlockOn>(owner: O) {
    let (shutdown, tracker) = (Shutdown::new(owner.runtime()), Tracker::new());
    let (tell, blocks) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let stuck = poll_fn(move |_| {
        let _ = tell.send(());
        let _ = released.recv();
        Poll::<()>::Pending
    });
    shutdown.named("stuck").spawn(stuck).expect("it has not begun");
    blocks.recv().expect("it is polled");
    for _ in 0..20 {
        let held = tracker.track(());
        let waits = async move {
            pending::<()>().await;
            drop(held);
        };
        shutdown.named("waits").spawn(waits).expect("it has not begun");
    }
    shutdown.trigger("the end");
    let run = shutdown.run(stream::pending::<CancelReason>()).drain(ms(0)).grace(ms(10)).abort_wait(ms(50));
    let report = owner.block_on(run);
    assert_eq!(names(&report.still_blocking), ["stuck"], "{report}");
    assert!(report.elapsed < Duration::from_millis(900), "it is not waited for: {report:?}");
    // How far the others are depends on the machine; that each is in one list, and gone if it says so, doesn't.
    check_others(&report, &tracker);
    release.send(()).expect("it blocks");
    while shutdown.counts().running > 0 {
        thread::yield_now();
    }
    tracker.assert_none_alive();
}

fn check_others(report: &ShutdownReport, tracker: &Tracker) {
    assert_eq!(report.aborted.len() + report.still_aborting.len(), 20, "{report}");
    assert!(tracker.alive() <= report.still_aborting.len(), "{report}");
    assert!(!report.is_clean());
}

fn names(labels: &[TaskLabel]) -> Vec<&str> {
    labels.iter().map(|label| label.name().unwrap_or("-")).collect()
}

fn threads(count: usize) -> Config {
    Config::new().worker_threads(NonZero::new(count).expect("not zero"))
}

#[test]
fn what_blocks_in_its_poll_is_reported_and_not_waited_for() {
    with_one_that_blocks(TokioOwner::new(threads(2)).unwrap());
    with_one_that_blocks(SmolOwner::new(threads(2)).unwrap());
    with_one_that_blocks(AsyncStdOwner::new(Config::new()).unwrap());
}

#[test]
fn what_the_runtime_can_not_come_to_is_not_said_to_block() {
    // The only thread that could drop the others is the one that is blocked. (On tokio it has the timers, too.)
    let owner = SmolOwner::new(threads(1)).unwrap();
    let shutdown = Shutdown::new(owner.runtime());
    let (tell, blocks) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    shutdown.named("waits").spawn(pending()).expect("it has not begun");
    let stuck = poll_fn(move |_| {
        let _ = tell.send(());
        let _ = released.recv();
        Poll::<()>::Pending
    });
    shutdown.named("stuck").spawn(stuck).expect("it has not begun");
    blocks.recv().expect("it is polled");
    shutdown.force();
    let report = owner.block_on(shutdown.run(stream::pending::<CancelReason>()).abort_wait(ms(10)));
    assert_eq!(
        (names(&report.still_blocking), names(&report.still_aborting)),
        (vec!["stuck"], vec!["waits"])
    );
    assert_eq!(
        report.to_string(),
        "on request: 0 finished, 0 cancelled, 0 aborted, 0 panicked, \
         1 still blocking (task `stuck`), 1 still aborting (task `waits`)"
    );
    drop(release);
}

#[test]
fn what_blocks_in_its_destructor_is_reported_too() {
    struct Blocks(mpsc::Receiver<()>);
    impl Drop for Blocks {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }
    let owner = TokioOwner::new(threads(2)).unwrap();
    let shutdown = Shutdown::new(owner.runtime());
    let (release, released) = mpsc::channel::<()>();
    let blocks = Blocks(released);
    let task = async move {
        pending::<()>().await;
        drop(blocks);
    };
    shutdown.named("destructor").spawn(task).expect("it has not begun");
    shutdown.force();
    let report = owner.block_on(shutdown.run(stream::pending::<CancelReason>()).abort_wait(ms(50)));
    assert_eq!(report.still_blocking.len() + report.still_aborting.len(), 1, "{report}");
    drop(release);
}
