//! backstay.

use super::{Algorithm, PLACES};
use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::{AdaptiveAlgorithm, AdaptiveLimit, Aimd, Gradient, Vegas};
use backstay_tokio::Tokio;

pub(super) struct Backstay;

impl Policy<Algorithm> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = (Tokio, AdaptiveLimit);
    type Caller = ();

    fn shared(algorithm: Algorithm) -> Self::Shared {
        let algorithm: AdaptiveAlgorithm = match algorithm {
            Algorithm::Aimd => Aimd::new().into(),
            Algorithm::Vegas => Vegas::new().into(),
            Algorithm::Gradient => Gradient::new().into(),
        };
        let limit = AdaptiveLimit::named("bench").algorithm(algorithm).initial_limit(PLACES).max_waiting(100);
        (current_thread::backstay(), limit.build().expect("it is good"))
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, limit): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let result = limit.run(rt, |_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}
