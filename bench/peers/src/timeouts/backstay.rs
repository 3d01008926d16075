//! backstay.

use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::Runtime;
use backstay_core::resilience::AttemptTimeout;
use backstay_tokio::Tokio;
use std::time::Duration;

/// The policy.
pub(super) struct Backstay;

impl Policy<Duration> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    const NEEDS_CONTEXT: bool = false;
    type Shared = (Tokio, AttemptTimeout);
    type Caller = ();

    fn shared(limit: Duration) -> Self::Shared {
        (current_thread::backstay(), AttemptTimeout::new(limit))
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, timeout): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let result = timeout.run(rt, |_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}

/// The runtime's own, around a future and not a policy.
pub(super) struct Plain;

impl Policy<Duration> for Plain {
    const NAME: &'static str = "plain";
    const SIDE: Side = Side::Variant;
    const NEEDS_CONTEXT: bool = false;
    type Shared = (Tokio, Duration);
    type Caller = ();

    fn shared(limit: Duration) -> Self::Shared {
        (current_thread::backstay(), limit)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, limit): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let found = match rt.timeout(*limit, answer(request)).await {
                Ok(Ok(number)) => Came::Good(number),
                Ok(Err(_)) => Came::Failed,
                Err(_) => Came::TimedOut,
            };
            right += u64::from(came == found);
        }
        right
    }
}
