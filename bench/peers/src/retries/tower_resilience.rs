//! tower-resilience.

use super::{ATTEMPTS, Setting};
use crate::calls::{Asked, Came, Failed, How, Policy, Request};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};
use tower_resilience::retry::{ExponentialBackoff, Retry, RetryBudgetBuilder, RetryLayer};

pub(super) struct TowerResilience;

impl Policy<Setting> for TowerResilience {
    const NAME: &'static str = "resilience";
    type Shared = Retry<Asked, Request, u64, Failed>;
    type Caller = Self::Shared;

    fn shared(setting: Setting) -> Self::Shared {
        let builder = RetryLayer::<Request, u64, Failed>::builder().max_attempts(ATTEMPTS as usize);
        let builder = match setting {
            Setting::Immediate | Setting::Zero => builder.fixed_backoff(Duration::ZERO),
            Setting::Exponential | Setting::Budget => {
                let exponential = ExponentialBackoff::new(Duration::from_millis(10));
                builder.backoff(exponential.max_interval(Duration::from_secs(1)))
            }
        };
        let builder = match setting {
            Setting::Budget => {
                builder.budget(RetryBudgetBuilder::new().token_bucket().build().expect("it is good"))
            }
            _ => builder,
        };
        builder.build().layer(Asked)
    }

    fn caller(retry: &Self::Shared) -> Self::Shared {
        retry.clone()
    }

    async fn calls(_: &Self::Shared, retry: &mut Self::Shared, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = retry.ready().await.expect("it is always ready");
            let result = service.call(request).await;
            right += u64::from(came == result.map_or(Came::Failed, Came::Good));
        }
        right
    }
}
