//! Put together by hand, of the fastest.

use super::{ATTEMPTS, CALLS, FAILURE_RATE, LIMIT, OPEN, PLACES, Setting};
use crate::calls::{Came, How, Policy, answer, no_sleep};
use backon::{ExponentialBuilder, Retryable};
use failsafe::failure_policy::{self, ConsecutiveFailures};
use failsafe::futures::CircuitBreaker;
use failsafe::{Config, StateMachine, backoff};
use recloser::AsyncRecloser;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub(super) const NAME: &str = "by hand";

/// Delays as usual, with a sleeper that doesn't sleep: what fails here does so to open the breaker.
fn delays() -> ExponentialBuilder {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(10))
        .with_max_delay(Duration::from_secs(1))
        .with_max_times(ATTEMPTS as usize - 1)
}

pub(super) struct Recloser;

impl Policy<Setting> for Recloser {
    const NAME: &'static str = NAME;
    type Shared = (Semaphore, AsyncRecloser);
    type Caller = ();

    fn shared(_: Setting) -> Self::Shared {
        let builder = recloser::Recloser::custom().closed_len(CALLS as usize).error_rate(FAILURE_RATE);
        (Semaphore::new(PLACES), builder.open_wait(OPEN).build().into())
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((semaphore, recloser): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        use recloser::Error;
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let attempt = || async {
                let _permit = semaphore.acquire().await.expect("it is open");
                recloser.call(answer(request)).await
            };
            let is_failure = |error: &Error<_>| matches!(error, Error::Inner(_));
            let retried = attempt.retry(delays()).sleep(no_sleep).when(is_failure);
            let found = match timeout(LIMIT, retried).await {
                Ok(Ok(number)) => Came::Good(number),
                Ok(Err(Error::Inner(_))) => Came::Failed,
                Ok(Err(Error::Rejected)) => Came::Refused,
                Err(_) => Came::TimedOut,
            };
            right += u64::from(came == found);
        }
        right
    }
}

pub(super) struct Failsafe;

impl Policy<Setting> for Failsafe {
    const NAME: &'static str = "by hand-f";
    type Shared = (Semaphore, StateMachine<ConsecutiveFailures<backoff::Constant>, ()>);
    type Caller = ();

    fn shared(_: Setting) -> Self::Shared {
        let policy = failure_policy::consecutive_failures(5, backoff::constant(OPEN));
        (Semaphore::new(PLACES), Config::new().failure_policy(policy).build())
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((semaphore, breaker): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        use failsafe::Error;
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let attempt = || async {
                let _permit = semaphore.acquire().await.expect("it is open");
                breaker.call(answer(request)).await
            };
            let is_failure = |error: &Error<_>| matches!(error, Error::Inner(_));
            let retried = attempt.retry(delays()).sleep(no_sleep).when(is_failure);
            let found = match timeout(LIMIT, retried).await {
                Ok(Ok(number)) => Came::Good(number),
                Ok(Err(Error::Inner(_))) => Came::Failed,
                Ok(Err(Error::Rejected)) => Came::Refused,
                Err(_) => Came::TimedOut,
            };
            right += u64::from(came == found);
        }
        right
    }
}
