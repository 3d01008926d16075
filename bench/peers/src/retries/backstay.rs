//! backstay.

use super::{ATTEMPTS, Setting};
use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::{Backoff, Retry, RetryBudget};
use backstay_tokio::Tokio;
use std::time::Duration;

pub(super) struct Backstay;

impl Policy<Setting> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = (Tokio, Retry);
    type Caller = ();

    fn shared(setting: Setting) -> Self::Shared {
        let exponential = Backoff::exponential(Duration::from_millis(10)).max_delay(Duration::from_secs(1));
        let builder = Retry::builder().max_attempts(ATTEMPTS);
        let builder = match setting {
            Setting::Exponential => builder.backoff(exponential),
            Setting::Immediate | Setting::Zero => builder.backoff(Backoff::none()),
            Setting::Budget => {
                let budget = RetryBudget::ratio(0.2).build().expect("it is good");
                builder.backoff(exponential).budget(&budget)
            }
        };
        (current_thread::backstay(), builder.build().expect("it is good"))
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, retry): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let result = retry.run(rt, |_| answer(request)).await;
            right += u64::from(came == Came::from(result));
        }
        right
    }
}
