//! Join sets.

use crate::kit::ms;
use backstay::testing::Tracker;
use backstay::{JoinError, Runtime, test_on_every_runtime};
use backstay_core::task::{CancelToken, JoinSet, scope};
use std::future::pending;
use std::panic::resume_unwind;

test_on_every_runtime! {
    s14_every_outcome_is_a_value
    s15_a_dropped_set_is_awaited_by_its_parent
    a_drain_tells_and_aborts
}

async fn s14_every_outcome_is_a_value<R: Runtime>(rt: R) {
    let mut set = JoinSet::new(&rt);
    for n in 0..50 {
        let own = rt.clone();
        set.spawn_when_free(async move {
            own.yield_now().await;
            n
        })
        .await;
    }
    let stuck = set.spawn(pending());
    set.spawn(async { resume_unwind(Box::new("a bomb")) });
    set.spawn_blocking(|| 52);
    assert!(set.abort(&stuck));
    let outcomes = set.join_all().await;
    assert!(outcomes[..50].iter().zip(0..).all(|(outcome, n)| matches!(outcome, Ok(value) if *value == n)));
    assert!(matches!(outcomes[50], Err(JoinError::Aborted)));
    assert!(matches!(&outcomes[51], Err(JoinError::Panicked(panic)) if panic.message() == Some("a bomb")));
    assert!(matches!(outcomes[52], Ok(52)));
}

async fn s15_a_dropped_set_is_awaited_by_its_parent<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    let outer = scope(&rt, |s| {
        let tracker = tracker.clone();
        async move {
            let mut set = JoinSet::new(&s);
            for _ in 0..20 {
                let held = tracker.track(());
                set.spawn(async move {
                    pending::<()>().await;
                    drop(held);
                });
            }
            drop(set);
            Ok::<_, ()>(())
        }
    });
    outer.await.expect("nothing failed");
    tracker.assert_none_alive();
}

async fn a_drain_tells_and_aborts<R: Runtime>(rt: R) {
    let mut set = JoinSet::keyed(&rt);
    let token = set.token().clone();
    set.spawn_keyed("heeds", async move { drop(token.cancelled().await) }).unwrap();
    set.spawn_keyed("stuck", pending()).unwrap();
    let stop = CancelToken::with_deadline(&rt, rt.now() + ms(2));
    let report = set.drain(&stop, ms(20)).await;
    assert!(report.aborted.contains(&"stuck"));
    assert_eq!(report.finished.len() + report.aborted.len(), 2);
}
