//! backstay.

use super::What;
use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::{LoadShed, Throttle};
use backstay_tokio::Tokio;

pub(super) struct Backstay;

/// What lets the calls through.
pub(super) enum Guard {
    Throttle(Throttle),
    LoadShed(LoadShed),
}

impl Policy<What> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = (Tokio, Guard);
    type Caller = ();

    fn shared(what: What) -> Self::Shared {
        let guard = match what {
            What::Throttle => Guard::Throttle(Throttle::named("bench").build().expect("it is good")),
            What::LoadShed => Guard::LoadShed(LoadShed::named("bench").build().expect("it is good")),
        };
        (current_thread::backstay(), guard)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, guard): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        match guard {
            Guard::Throttle(throttle) => {
                for (request, came) in how.requests(times) {
                    let result = throttle.run(rt, |_| answer(request)).await;
                    right += u64::from(came == Came::from(result));
                }
            }
            Guard::LoadShed(shed) => {
                for (request, came) in how.requests(times) {
                    let result = shed.run(rt, |_| answer(request)).await;
                    right += u64::from(came == Came::from(result));
                }
            }
        }
        right
    }
}
