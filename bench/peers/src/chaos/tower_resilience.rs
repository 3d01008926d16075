//! tower-resilience.

use crate::calls::{Asked, Came, Failed, How, Policy, Request};
use tower::{Layer, Service, ServiceExt};
use tower_resilience::chaos::config::CustomErrorFn;
use tower_resilience::chaos::{Chaos, ChaosLayer};

pub(super) const NAME: &str = "resilience";

pub(super) struct TowerResilience;

impl Policy<f64> for TowerResilience {
    const NAME: &'static str = NAME;
    type Shared = Chaos<Asked, CustomErrorFn<fn(&Request) -> Failed>>;
    type Caller = Self::Shared;

    fn shared(rate: f64) -> Self::Shared {
        let fault: fn(&Request) -> Failed = |_| Failed;
        ChaosLayer::builder().error_fn(fault).error_rate(rate).seed(7).build().layer(Asked)
    }

    fn caller(chaos: &Self::Shared) -> Self::Shared {
        chaos.clone()
    }

    async fn calls(_: &Self::Shared, chaos: &mut Self::Caller, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = chaos.ready().await.expect("it is always ready");
            let found = service.call(request).await.map_or(Came::Failed, Came::Good);
            right += u64::from(came == found);
        }
        right
    }
}
