//! backstay.

use crate::calls::{Came, Failed, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::{Chaos, Fault};
use backstay_tokio::Tokio;

/// The policy.
pub(super) struct Backstay;

impl Policy<f64> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    const NEEDS_CONTEXT: bool = false;
    type Shared = (Tokio, Chaos<Fault<fn() -> Failed>>);
    type Caller = ();

    fn shared(rate: f64) -> Self::Shared {
        let fault: fn() -> Failed = || Failed;
        (current_thread::backstay(), Chaos::fault(fault).rate(rate).seed(7).build().expect("it is good"))
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, chaos): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let result = chaos.run(rt, |_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}
