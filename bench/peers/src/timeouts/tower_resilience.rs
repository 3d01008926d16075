//! tower-resilience.

use crate::calls::{Asked, Came, How, Policy};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};
use tower_resilience::timelimiter::{FixedTimeout, TimeLimiter, TimeLimiterError, TimeLimiterLayer};

pub(super) struct TowerResilience;

impl Policy<Duration> for TowerResilience {
    const NAME: &'static str = "resilience";
    type Shared = TimeLimiter<Asked, FixedTimeout>;
    type Caller = Self::Shared;

    fn shared(limit: Duration) -> Self::Shared {
        TimeLimiterLayer::builder().timeout_duration(limit).build().layer(Asked)
    }

    fn caller(limiter: &Self::Shared) -> Self::Shared {
        limiter.clone()
    }

    async fn calls(_: &Self::Shared, limiter: &mut Self::Shared, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = limiter.ready().await.expect("it is always ready");
            let found = match service.call(request).await {
                Ok(number) => Came::Good(number),
                Err(TimeLimiterError::Timeout) => Came::TimedOut,
                Err(_) => Came::Failed,
            };
            right += u64::from(came == found);
        }
        right
    }
}
