//! failsafe.

use super::{OPEN, Window};
use crate::calls::{Came, How, Policy, answer};
use failsafe::backoff::{self, Constant, EqualJittered};
use failsafe::failure_policy::{self, ConsecutiveFailures, OrElse, SuccessRateOverTimeWindow};
use failsafe::futures::CircuitBreaker;
use failsafe::{Config, Error, StateMachine};

pub(super) const NAME: &str = "failsafe";
pub(super) const DEFAULT: &str = "failsafe-d";

pub(super) struct Consecutive;

impl Policy<Window> for Consecutive {
    const NAME: &'static str = NAME;
    type Shared = StateMachine<ConsecutiveFailures<Constant>, ()>;
    type Caller = ();

    fn shared(_: Window) -> Self::Shared {
        Config::new().failure_policy(failure_policy::consecutive_failures(5, backoff::constant(OPEN))).build()
    }

    fn caller(_: &Self::Shared) {}

    fn calls(breaker: &Self::Shared, (): &mut (), how: How, times: u64) -> impl Future<Output = u64> {
        calls(breaker, how, times)
    }
}

pub(super) struct ByDefault;

impl Policy<Window> for ByDefault {
    const NAME: &'static str = DEFAULT;
    type Shared = StateMachine<
        OrElse<SuccessRateOverTimeWindow<EqualJittered>, ConsecutiveFailures<EqualJittered>>,
        (),
    >;
    type Caller = ();

    fn shared(_: Window) -> Self::Shared {
        Config::new().build()
    }

    fn caller(_: &Self::Shared) {}

    fn calls(breaker: &Self::Shared, (): &mut (), how: How, times: u64) -> impl Future<Output = u64> {
        calls(breaker, how, times)
    }
}

async fn calls(breaker: &impl CircuitBreaker, how: How, times: u64) -> u64 {
    let mut right = 0;
    for (request, came) in how.requests(times) {
        let result = breaker.call(answer(request)).await;
        let found = match result {
            Ok(number) => Came::Good(number),
            Err(Error::Inner(_)) => Came::Failed,
            Err(Error::Rejected) => Came::Refused,
        };
        right += u64::from(came == found);
    }
    right
}
