//! tokio.

use crate::calls::{Came, How, Policy, answer};
use std::time::Duration;
use tokio::time::{sleep, timeout};

pub(super) const NAME: &str = "tokio";

pub(super) struct Timeout;

impl Policy<Duration> for Timeout {
    const NAME: &'static str = NAME;
    type Shared = Duration;
    type Caller = Duration;

    fn shared(limit: Duration) -> Duration {
        limit
    }

    fn caller(limit: &Duration) -> Duration {
        *limit
    }

    async fn calls(_: &Self::Shared, limit: &mut Duration, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let found = match timeout(*limit, answer(request)).await {
                Ok(Ok(number)) => Came::Good(number),
                Ok(Err(_)) => Came::Failed,
                Err(_) => Came::TimedOut,
            };
            right += u64::from(came == found);
        }
        right
    }
}

pub(super) struct Select;

impl Policy<Duration> for Select {
    const NAME: &'static str = "select!";
    type Shared = Duration;
    type Caller = Duration;

    fn shared(limit: Duration) -> Duration {
        limit
    }

    fn caller(limit: &Duration) -> Duration {
        *limit
    }

    async fn calls(_: &Self::Shared, limit: &mut Duration, how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let found = tokio::select! {
                result = answer(request) => result.map_or(Came::Failed, Came::Good),
                () = sleep(*limit) => Came::TimedOut,
            };
            right += u64::from(came == found);
        }
        right
    }
}
