//! tower-resilience.

use super::{CALLS, FAILURE_RATE, OPEN, Window};
use crate::calls::{Asked, Came, How, Policy};
use tower::{Service, ServiceExt};
use tower_resilience::circuitbreaker::{
    CircuitBreaker, CircuitBreakerError, CircuitBreakerLayer, DefaultClassifier,
};

pub(super) struct TowerResilience;

impl Policy<Window> for TowerResilience {
    const NAME: &'static str = "resilience";
    type Shared = CircuitBreaker<Asked, DefaultClassifier>;
    type Caller = Self::Shared;

    fn shared(_: Window) -> Self::Shared {
        let layer = CircuitBreakerLayer::builder()
            .failure_rate_threshold(FAILURE_RATE.into())
            .sliding_window_size(CALLS as usize)
            .minimum_number_of_calls(CALLS as usize)
            .wait_duration_in_open(OPEN);
        layer.build().expect("it is good").layer_fn(Asked)
    }

    fn caller(breaker: &Self::Shared) -> Self::Shared {
        breaker.clone()
    }

    async fn calls(_: &Self::Shared, breaker: &mut Self::Shared, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = breaker.ready().await.expect("it is always ready");
            let found = match service.call(request).await {
                Ok(number) => Came::Good(number),
                Err(CircuitBreakerError::OpenCircuit) => Came::Refused,
                Err(_) => Came::Failed,
            };
            right += u64::from(came == found);
        }
        right
    }
}
