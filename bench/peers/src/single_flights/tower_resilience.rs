//! tower-resilience.

use super::Setting;
use crate::calls::{Asked, Came, How, Policy, Request};
use futures::future::join_all;
use tower::{Layer, Service, ServiceExt};
use tower_resilience::coalesce::{CoalesceError, CoalesceLayer, CoalesceService};

/// Whose followers wake themselves again and again until there is a result.
pub(super) struct TowerResilience;

type Coalesced = CoalesceService<Asked, u64, Request, fn(&Request) -> u64>;

pub(super) struct Flights {
    service: Coalesced,
    together: u64,
}

fn came(result: Result<u64, CoalesceError<crate::calls::Failed>>) -> Came {
    match result {
        Ok(number) => Came::Good(number),
        Err(CoalesceError::Service(_)) => Came::Failed,
        Err(_) => Came::Refused,
    }
}

impl Policy<Setting> for TowerResilience {
    const NAME: &'static str = "resilience";
    type Shared = Flights;
    type Caller = Coalesced;

    fn shared(Setting { together }: Setting) -> Flights {
        let key: fn(&Request) -> u64 = |request| request.number();
        Flights { service: CoalesceLayer::new(key).layer(Asked), together }
    }

    fn caller(flights: &Flights) -> Coalesced {
        flights.service.clone()
    }

    async fn calls(Flights { together, .. }: &Flights, service: &mut Coalesced, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, expected) in how.requests(times / together) {
            if *together == 1 {
                let service = service.ready().await.expect("it is always ready");
                right += u64::from(came(service.call(request).await) == expected);
                continue;
            }
            let mut calls = Vec::new();
            for _ in 0..*together {
                calls.push(service.ready().await.expect("it is always ready").call(request));
            }
            let results = join_all(calls).await;
            right += results.into_iter().map(|result| u64::from(came(result) == expected)).sum::<u64>();
        }
        right
    }
}
