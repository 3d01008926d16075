//! tower-resilience.

use super::{ATTEMPTS, CALLS, FAILURE_RATE, LIMIT, OPEN, PLACES, Setting};
use crate::calls::{Asked, Came, How, Policy, Request};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};
use tower_resilience::bulkhead::{Bulkhead, BulkheadLayer, BulkheadServiceError};
use tower_resilience::circuitbreaker::{
    CircuitBreaker, CircuitBreakerError, CircuitBreakerLayer, DefaultClassifier,
};
use tower_resilience::retry::{Retry, RetryLayer};
use tower_resilience::timelimiter::{FixedTimeout, TimeLimiter, TimeLimiterError, TimeLimiterLayer};

pub(super) struct TowerResilience;

type Broken = CircuitBreaker<Bulkhead<Asked>, DefaultClassifier>;

type BrokenError = <Broken as Service<Request>>::Error;

impl Policy<Setting> for TowerResilience {
    const NAME: &'static str = "resilience";
    type Shared = TimeLimiter<Retry<Broken, Request, u64, BrokenError>, FixedTimeout>;
    type Caller = Self::Shared;

    fn shared(_: Setting) -> Self::Shared {
        let bulkhead = BulkheadLayer::builder().max_concurrent_calls(PLACES).build().expect("it is good");
        let breaker = CircuitBreakerLayer::builder()
            .failure_rate_threshold(FAILURE_RATE.into())
            .sliding_window_size(CALLS as usize)
            .minimum_number_of_calls(CALLS as usize)
            .wait_duration_in_open(OPEN)
            .build()
            .expect("it is good");
        // What fails here does so to open the breaker.
        let retry = RetryLayer::<Request, u64, BrokenError>::builder()
            .max_attempts(ATTEMPTS as usize)
            .fixed_backoff(Duration::ZERO)
            .retry_on(|error: &BrokenError| !error.is_circuit_open())
            .build();
        let limit = TimeLimiterLayer::builder().timeout_duration(LIMIT).build();
        limit.layer(retry.layer(breaker.layer_fn(bulkhead.layer(Asked))))
    }

    fn caller(stack: &Self::Shared) -> Self::Shared {
        stack.clone()
    }

    async fn calls(_: &Self::Shared, stack: &mut Self::Shared, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let service = stack.ready().await.expect("it is always ready");
            let found = match service.call(request).await {
                Ok(number) => Came::Good(number),
                Err(TimeLimiterError::Timeout) => Came::TimedOut,
                Err(TimeLimiterError::Inner(CircuitBreakerError::OpenCircuit)) => Came::Refused,
                Err(TimeLimiterError::Inner(CircuitBreakerError::Inner(BulkheadServiceError::Bulkhead(
                    _,
                )))) => Came::Refused,
                Err(_) => Came::Failed,
            };
            right += u64::from(came == found);
        }
        right
    }
}
