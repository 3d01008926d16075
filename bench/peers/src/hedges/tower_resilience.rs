//! tower-resilience.

use crate::calls::{Asked, Came, How, Policy};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};
use tower_resilience::hedge::{AlwaysHedge, Hedge, HedgeLayer};

pub(super) struct TowerResilience;

impl Policy<Duration> for TowerResilience {
    const NAME: &'static str = "resilience";
    type Shared = Hedge<Asked, AlwaysHedge>;
    type Caller = Self::Shared;

    fn shared(delay: Duration) -> Self::Shared {
        HedgeLayer::builder().delay(delay).max_hedged_attempts(2).build().layer(Asked)
    }

    fn caller(hedge: &Self::Shared) -> Self::Shared {
        hedge.clone()
    }

    async fn calls(_: &Self::Shared, hedge: &mut Self::Caller, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = hedge.ready().await.expect("it is always ready");
            let found = service.call(request).await.map_or(Came::Failed, Came::Good);
            right += u64::from(came == found);
        }
        right
    }
}
