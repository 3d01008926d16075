//! backstay.

use super::{ATTEMPTS, BURST, EVERY, Setting};
use crate::calls::{Came, How, Policy, answer_now};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::{Backoff, Quota, RateLimiter, Retry};
use backstay_tokio::Tokio;
use std::time::Duration;

pub(super) struct Backstay;

/// What lets the calls through.
pub(super) enum Guard {
    Retry(Retry),
    RateLimiter(RateLimiter),
}

fn retry(backoff: Backoff) -> Guard {
    Guard::Retry(Retry::builder().max_attempts(ATTEMPTS).backoff(backoff).build().expect("it is good"))
}

impl Policy<Setting> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = (Tokio, Guard);
    type Caller = ();

    fn shared(setting: Setting) -> Self::Shared {
        let guard = match setting {
            Setting::Exponential => {
                retry(Backoff::exponential(Duration::from_millis(10)).max_delay(Duration::from_secs(1)))
            }
            Setting::Immediate => retry(Backoff::none()),
            Setting::Permit => {
                let quota = Quota::new(1, EVERY).burst(BURST);
                Guard::RateLimiter(RateLimiter::new(quota).expect("it is good"))
            }
        };
        (current_thread::backstay(), guard)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, guard): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        match guard {
            Guard::Retry(retry) => {
                for (request, came) in how.requests(times) {
                    let result = retry.run_blocking(rt, |_| answer_now(request));
                    right += u64::from(came == Came::from(result));
                }
            }
            Guard::RateLimiter(limiter) => {
                for _ in 0..times {
                    right += u64::from(limiter.acquire_blocking(rt).is_ok());
                }
            }
        }
        right
    }
}
