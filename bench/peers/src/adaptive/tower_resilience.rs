//! tower-resilience.

use super::{Algorithm, PLACES};
use crate::calls::{Asked, Came, How, Policy};
use tower::{Layer, Service, ServiceExt};
use tower_resilience::adaptive;

pub(super) const NAME: &str = "resilience";

pub(super) struct TowerResilience;

type Limited = adaptive::AdaptiveService<Asked, adaptive::Algorithm>;

impl Policy<Algorithm> for TowerResilience {
    const NAME: &'static str = NAME;
    type Shared = Limited;
    type Caller = Limited;

    fn shared(algorithm: Algorithm) -> Limited {
        let algorithm = match algorithm {
            Algorithm::Aimd => {
                let aimd = adaptive::Aimd::builder().initial_limit(PLACES).max_limit(200);
                adaptive::Algorithm::Aimd(aimd.build().expect("it is good"))
            }
            Algorithm::Vegas | Algorithm::Gradient => {
                let vegas = adaptive::Vegas::builder().initial_limit(PLACES).max_limit(200);
                adaptive::Algorithm::Vegas(vegas.build().expect("it is good"))
            }
        };
        adaptive::AdaptiveLimiterLayer::new(algorithm).layer(Asked)
    }

    fn caller(limited: &Limited) -> Limited {
        limited.clone()
    }

    async fn calls(_: &Limited, limited: &mut Limited, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = limited.ready().await.expect("there are places");
            let found = match service.call(request).await {
                Ok(number) => Came::Good(number),
                Err(adaptive::AdaptiveError::LimitReached) => Came::Refused,
                Err(adaptive::AdaptiveError::Service(_)) => Came::Failed,
            };
            right += u64::from(came == found);
        }
        right
    }
}
