//! backstay.

use super::Setting;
use crate::calls::{How, Policy};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::{Batched, Quota, RateLimiter};
use backstay_core::time::Instant;
use backstay_core::{Limit, Runtime};
use backstay_tokio::Tokio;
use std::hint::black_box;

pub(super) struct Backstay;

/// The limiter, what is asked of it, and a time.
pub(super) struct Limited {
    rt: Tokio,
    limiter: RateLimiter,
    setting: Setting,
    now: Instant,
}

impl Policy<Setting> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = Limited;
    type Caller = Batched;

    fn shared(setting: Setting) -> Limited {
        let rt = current_thread::backstay();
        let quota = Quota::new(1, setting.every()).burst(setting.burst());
        let now = rt.now();
        Limited { limiter: RateLimiter::new(quota).expect("it is good"), setting, now, rt }
    }

    fn caller(limited: &Limited) -> Batched {
        limited.limiter.batched(Limit::new(16).expect("it is not zero"))
    }

    async fn calls(limited: &Limited, batched: &mut Batched, how: How, times: u64) -> u64 {
        let Limited { rt, limiter, setting, now } = limited;
        let is_free = how != How::Uncalled;
        let mut right = 0;
        match setting {
            Setting::Read | Setting::Refused => {
                for _ in 0..times {
                    right += u64::from(is_free == limiter.try_acquire(rt.now()).is_ok());
                }
            }
            Setting::Given => {
                for _ in 0..times {
                    right += u64::from(limiter.try_acquire(black_box(*now)).is_ok());
                }
            }
            Setting::Batched => {
                for _ in 0..times {
                    right += u64::from(batched.try_acquire(|| rt.now()).is_ok());
                }
            }
            Setting::Acquire => {
                for _ in 0..times {
                    right += u64::from(limiter.acquire(rt).await.is_ok());
                }
            }
        }
        right
    }
}
