//! Hedges.

use ::tower::{Layer, ServiceExt, service_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The first call fails after a time, and the second is good after another.
async fn scripted(calls: Arc<AtomicU32>, fails_after: u64, good_after: u64) -> Result<u32, &'static str> {
    let call = calls.fetch_add(1, SeqCst);
    if call == 0 {
        sleep(ms(fails_after)).await;
        return Err("boom");
    }
    sleep(ms(good_after)).await;
    Ok(call)
}

mod tower_resilience {
    use super::*;
    use ::tower_resilience::hedge::HedgeLayer;

    #[tokio::test(start_paused = true)]
    async fn d10_after_a_failure_at_once_it_waits_for_its_delay() {
        let calls = Arc::new(AtomicU32::new(0));
        let service = service_fn(move |()| scripted(calls.clone(), 0, 0));
        let hedged = HedgeLayer::builder().delay(ms(500)).max_hedged_attempts(2).build().layer(service);
        let start = Instant::now();
        assert_eq!(hedged.oneshot(()).await.ok(), Some(1));
        assert_eq!(start.elapsed(), ms(500), "and not at once");
    }
}

mod tower {
    use super::*;
    use ::tower::hedge::{Hedge, Policy};

    #[derive(Clone)]
    struct Always;

    impl Policy<()> for Always {
        fn clone_request(&self, (): &()) -> Option<()> {
            Some(())
        }

        fn can_retry(&self, (): &()) -> bool {
            true
        }
    }

    #[tokio::test(start_paused = true)]
    async fn d11_a_failure_ends_it_while_a_hedge_is_under_way_that_will_be_good() {
        let calls = Arc::new(AtomicU32::new(0));
        let service = service_fn(move |()| scripted(calls.clone(), 60, 30));
        let slow = [50; 20];
        let hedged = Hedge::new_with_mock_latencies(service, Always, 10, 0.9, ms(60_000), &slow);
        let start = Instant::now();
        assert_eq!(hedged.oneshot(()).await.unwrap_err().to_string(), "boom");
        assert_eq!(start.elapsed(), ms(60), "the hedge began at 50, and would have been good at 80");
    }
}

mod backstay {
    use super::*;
    use backstay_core::resilience::Hedge;

    async fn run(delay: u64, fails_after: u64, good_after: u64) -> (Option<u32>, Duration) {
        let tokio = backstay_tokio::Tokio::try_current().expect("it is tokio's test");
        let hedge = Hedge::builder().delay(ms(delay)).build().expect("it is good");
        let (calls, start) = (Arc::new(AtomicU32::new(0)), Instant::now());
        let result = hedge.run(&tokio, |_| scripted(calls.clone(), fails_after, good_after)).await;
        (result.ok(), start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn d10_d11_the_next_begins_at_once_and_what_is_under_way_goes_on() {
        assert_eq!(run(500, 0, 0).await, (Some(1), Duration::ZERO));
        assert_eq!(run(50, 60, 30).await, (Some(1), ms(80)));
    }
}
