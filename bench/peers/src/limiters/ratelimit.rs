//! ratelimit.

use super::Setting;
use crate::calls::{How, Policy};
use ratelimit::Ratelimiter;

pub(super) struct RateLimit;

impl Policy<Setting> for RateLimit {
    const NAME: &'static str = "ratelimit";
    type Shared = Ratelimiter;
    type Caller = ();

    fn shared(setting: Setting) -> Ratelimiter {
        let burst = setting.burst().into();
        let builder = Ratelimiter::builder(1).period(setting.every());
        builder.max_tokens(burst).initial_available(burst).build().expect("it is good")
    }

    fn caller(_: &Self::Shared) {}

    async fn calls(limiter: &Ratelimiter, (): &mut (), how: How, times: u64) -> u64 {
        let is_free = how != How::Uncalled;
        (0..times).map(|_| u64::from(is_free == limiter.try_wait().is_ok())).sum()
    }
}
