//! tokio, by hand.

use crate::calls::{Came, How, Policy, answer};
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;

pub(super) struct Select;

impl Policy<Duration> for Select {
    const NAME: &'static str = "tokio";
    type Shared = Duration;
    type Caller = Duration;

    fn shared(delay: Duration) -> Duration {
        delay
    }

    fn caller(delay: &Duration) -> Duration {
        *delay
    }

    async fn calls(_: &Self::Shared, delay: &mut Duration, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let mut first = pin!(answer(request));
            let result = tokio::select! {
                biased;
                result = &mut first => result,
                () = sleep(*delay) => tokio::select! {
                    biased;
                    result = &mut first => result,
                    result = answer(request) => result,
                },
            };
            right += u64::from(came == result.map_or(Came::Failed, Came::Good));
        }
        right
    }
}
