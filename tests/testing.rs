//! The test kit as its users use it: through the facade, on whatever backends are compiled in.
#![cfg(feature = "testing")]

use backstay::testing::*;
use backstay::{JoinHandle, Runtime};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// As in docs/guide/testing.md.
async fn first_reply<R: Runtime>(rt: &R, replicas: [Duration; 2]) -> Option<Duration> {
    let [mut a, b] = replicas.map(|takes| {
        let rt = rt.clone();
        rt.clone().spawn(async move {
            rt.sleep(takes).await;
            takes
        })
    });
    match rt.timeout(Duration::from_millis(20), &mut a).await {
        Ok(reply) => reply.ok(),
        Err(_) => {
            a.abort();
            b.await.ok()
        }
    }
}

test_on_every_runtime! {
    a_slow_replica_is_passed_over
}

async fn a_slow_replica_is_passed_over<R: Runtime>(rt: R) {
    let slow = Duration::from_secs(3_600);
    assert_eq!(first_reply(&rt, [slow, Duration::ZERO]).await, Some(Duration::ZERO));
}

test_on_every_runtime! {
    sim only, with (seeds = 8, sim = |builder| builder.allow_leak("server"));
    settings_are_taken
}

async fn settings_are_taken<R: Runtime>(rt: R) {
    rt.spawn_named("server", std::future::pending::<()>()).detach();
    rt.sleep(Duration::from_secs(3_600)).await;
}

#[test]
fn a_mode_runs_its_seeds_twice_each() {
    for (mode, runs) in [(Mode::Random, 64), (Mode::Faults, 64), (Mode::Pct, 32), (Mode::Fifo, 8)] {
        let count = AtomicU64::new(0);
        let outcome = mode.run(32, Builder::new(), |_| {
            count.fetch_add(1, Ordering::Relaxed);
            async {}
        });
        outcome.expect("nothing fails");
        assert_eq!(count.into_inner(), runs, "{mode:?}");
    }
}
