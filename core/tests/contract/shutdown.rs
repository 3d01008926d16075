//! Shutdowns.

use crate::kit::ms;
use backstay::testing::Tracker;
use backstay::{Runtime, test_on_every_runtime};
use backstay_core::task::{CancelReason, Shutdown, scope};
use futures::{StreamExt, stream};
use std::future::pending;

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
    let report = shutdown.run(signals).drain(ms(10)).grace(ms(20)).await;
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
