//! The store in memory counts as a limiter of one process does.

use super::{builder, good};
use crate::kit::{limit, sim};
use backstay_core::Runtime;
use backstay_core::resilience::{Quota, RateLimiter};
use proptest::prelude::*;
use std::time::Duration;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn as_a_limiter_of_one_process(
        (permits, per) in (1..2_000_u32, 2_000..5_000_000_000_u64), burst in 1..20_u32,
        steps in prop::collection::vec((0..3_u8, 0..1_000_000_000_u64, 1..20_usize), 1..60),
    ) {
        let quota = Quota::new(permits, Duration::from_nanos(per)).burst(burst);
        sim(|rt| async move {
            let max_wait = Duration::from_millis(300);
            let shared = good(builder(quota).max_wait(max_wait));
            let single = RateLimiter::named("api").quota(quota).max_wait(max_wait).build().expect("it is good");
            for (what, pause, n) in steps {
                rt.sleep(Duration::from_nanos(pause)).await;
                let (n, now) = (limit(n), rt.now());
                let (ours, theirs) = match what {
                    0 => (
                        shared.acquire_many(&rt, n).await.map(|_| rt.now()),
                        single.reserve(n, now).map(|turn| turn.commit()),
                    ),
                    _ => (
                        shared.try_acquire_many(&rt, n).await.map(|_| now),
                        single.try_acquire_many(n, now).map(|_| now),
                    ),
                };
                prop_assert_eq!(ours.is_ok(), theirs.is_ok());
                match (ours, theirs) {
                    (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs),
                    // One that may wait is told when it may come back to wait.
                    (Err(ours), Err(theirs)) if what > 0 => prop_assert_eq!(ours, theirs),
                    (ours, theirs) => prop_assert_eq!(ours.map_err(|e| e.reason()), theirs.map_err(|e| e.reason())),
                }
            }
            Ok(())
        })
        .value?;
    }
}
