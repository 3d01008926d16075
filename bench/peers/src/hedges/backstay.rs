//! backstay.

use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::Hedge;
use backstay_tokio::Tokio;
use std::time::Duration;

/// With a delay that is fixed.
pub(super) struct Backstay;

/// With one that is measured.
pub(super) struct Percentile;

type Shared = (Tokio, Hedge);

async fn calls((rt, hedge): &Shared, how: How, times: u64) -> u64 {
    let mut right = 0;
    for (request, came) in how.requests(times) {
        let result = hedge.run(rt, |_| answer(request)).await;
        right += u64::from(came == Came::from(result));
    }
    right
}

impl Policy<Duration> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    const NEEDS_CONTEXT: bool = false;
    type Shared = Shared;
    type Caller = ();

    fn shared(delay: Duration) -> Shared {
        (current_thread::backstay(), Hedge::builder().delay(delay).build().expect("it is good"))
    }

    fn caller(_: &Shared) {}

    async fn calls(shared: &Shared, (): &mut (), how: How, times: u64) -> u64 {
        calls(shared, how, times).await
    }
}

impl Policy<Duration> for Percentile {
    const NAME: &'static str = "percentile";
    const SIDE: Side = Side::Variant;
    const NEEDS_CONTEXT: bool = false;
    type Shared = Shared;
    type Caller = ();

    fn shared(_: Duration) -> Shared {
        (current_thread::backstay(), Hedge::builder().percentile(0.95).build().expect("it is good"))
    }

    fn caller(_: &Shared) {}

    async fn calls(shared: &Shared, (): &mut (), how: How, times: u64) -> u64 {
        calls(shared, how, times).await
    }
}
