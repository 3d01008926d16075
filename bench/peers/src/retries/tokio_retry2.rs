//! tokio-retry2.

use super::{ATTEMPTS, Setting};
use crate::calls::{Came, Failed, How, Policy, answer};
use std::time::Duration;
use tokio_retry2::strategy::{ExponentialBackoff, FixedInterval};
use tokio_retry2::{Retry, RetryError};

pub(super) struct TokioRetry2;

impl Policy<Setting> for TokioRetry2 {
    const NAME: &'static str = "retry2";
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
        let exponential = ExponentialBackoff::from_millis(2).factor(5).take(retries);
        let zero = FixedInterval::new(Duration::ZERO).take(retries);
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let operation = || async move { Ok::<u64, RetryError<Failed>>(answer(request).await?) };
            let result = match setting {
                Setting::Zero => Retry::spawn(zero.clone(), operation).await,
                _ => Retry::spawn(exponential.clone(), operation).await,
            };
            right += u64::from(came == result.map_or(Came::Failed, Came::Good));
        }
        right
    }
}
