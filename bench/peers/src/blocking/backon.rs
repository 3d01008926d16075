//! backon.

use super::{ATTEMPTS, Setting};
use crate::calls::{Came, How, Policy, answer_now};
use backon::{BlockingRetryable, ConstantBuilder, ExponentialBuilder};
use std::time::Duration;

pub(super) struct Backon;

impl Policy<Setting> for Backon {
    const NAME: &'static str = "backon";
    type Shared = Setting;
    type Caller = ();

    fn shared(setting: Setting) -> Setting {
        setting
    }

    fn caller(_: &Setting) {}

    async fn calls(setting: &Setting, (): &mut (), how: How, times: u64) -> u64 {
        let retries = ATTEMPTS as usize - 1;
        let mut right = 0;
        if *setting == Setting::Immediate {
            let zero = ConstantBuilder::new().with_delay(Duration::ZERO).with_max_times(retries);
            for (request, came) in how.requests(times) {
                let result = (|| answer_now(request)).retry(zero).sleep(|_| {}).call();
                right += u64::from(came == Came::shared(result));
            }
        } else {
            let exponential = ExponentialBuilder::new()
                .with_min_delay(Duration::from_millis(10))
                .with_max_delay(Duration::from_secs(1))
                .with_max_times(retries);
            for (request, came) in how.requests(times) {
                let result = (|| answer_now(request)).retry(exponential).call();
                right += u64::from(came == Came::shared(result));
            }
        }
        right
    }
}
