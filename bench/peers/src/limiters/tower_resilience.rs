//! tower-resilience.

use super::Setting;
use crate::calls::{Asked, How, Policy};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};
use tower_resilience::ratelimiter::{RateLimiter, RateLimiterLayer};

pub(super) struct TowerResilience;

impl Policy<Setting> for TowerResilience {
    const NAME: &'static str = "resilience";
    type Shared = RateLimiter<Asked>;
    type Caller = RateLimiter<Asked>;

    fn shared(setting: Setting) -> Self::Shared {
        let layer = RateLimiterLayer::builder()
            .limit_for_period(setting.burst() as usize)
            .refresh_period(Duration::from_secs(3_600))
            .timeout_duration(Duration::ZERO);
        layer.build().expect("it is good").layer(Asked)
    }

    fn caller(limiter: &Self::Shared) -> Self::Shared {
        limiter.clone()
    }

    async fn calls(_: &Self::Shared, limiter: &mut Self::Shared, how: How, times: u64) -> u64 {
        let is_free = how != How::Uncalled;
        let mut right = 0;
        for (request, _) in how.requests(times) {
            let service = limiter.ready().await.expect("it is always ready");
            right += u64::from(is_free == service.call(request).await.is_ok());
        }
        right
    }
}
