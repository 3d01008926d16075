//! backon.

use super::{ATTEMPTS, Setting};
use crate::calls::{Came, How, Policy, answer, no_sleep};
use backon::{ConstantBuilder, ExponentialBuilder, Retryable};
use std::time::Duration;

pub(super) struct Backon;

impl Policy<Setting> for Backon {
    const NAME: &'static str = "backon";
    type Shared = Setting;
    type Caller = Setting;

    fn shared(setting: Setting) -> Setting {
        setting
    }

    fn caller(setting: &Setting) -> Setting {
        *setting
    }

    async fn calls(_: &Self::Shared, setting: &mut Setting, how: How, times: u64) -> u64 {
        let retries = ATTEMPTS as usize - 1;
        let zero = ConstantBuilder::new().with_delay(Duration::ZERO).with_max_times(retries);
        let mut right = 0;
        match setting {
            Setting::Exponential | Setting::Budget => {
                let exponential = ExponentialBuilder::new()
                    .with_min_delay(Duration::from_millis(10))
                    .with_max_delay(Duration::from_secs(1))
                    .with_max_times(retries);
                for (request, came) in how.requests(times) {
                    let result = (|| answer(request)).retry(exponential).await;
                    right += u64::from(came == result.map_or(Came::Failed, Came::Good));
                }
            }
            Setting::Immediate => {
                for (request, came) in how.requests(times) {
                    let result = (|| answer(request)).retry(zero).sleep(no_sleep).await;
                    right += u64::from(came == result.map_or(Came::Failed, Came::Good));
                }
            }
            Setting::Zero => {
                for (request, came) in how.requests(times) {
                    let result = (|| answer(request)).retry(zero).await;
                    right += u64::from(came == result.map_or(Came::Failed, Came::Good));
                }
            }
        }
        right
    }
}
