//! leaky-bucket.

use super::Setting;
use crate::calls::{How, Policy};
use leaky_bucket::RateLimiter;

pub(super) struct LeakyBucket;

impl Policy<Setting> for LeakyBucket {
    const NAME: &'static str = "leaky";
    type Shared = (RateLimiter, Setting);
    type Caller = ();

    fn shared(setting: Setting) -> Self::Shared {
        let burst = setting.burst() as usize;
        let mut builder = RateLimiter::builder();
        builder.interval(setting.every()).refill(1).max(burst).initial(burst).fair(false);
        (builder.build(), setting)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((limiter, setting): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let is_free = how != How::Uncalled;
        let mut right = 0;
        if *setting == Setting::Acquire {
            for _ in 0..times {
                limiter.acquire_one().await;
                right += 1;
            }
        } else {
            for _ in 0..times {
                right += u64::from(is_free == limiter.try_acquire(1));
            }
        }
        right
    }
}
