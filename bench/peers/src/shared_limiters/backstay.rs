//! backstay.

use super::{LEASE, Setting};
use crate::calls::{How, Policy};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::Runtime;
use backstay_core::resilience::{Quota, RateLimiter, SharedRateLimiter};
use backstay_tokio::Tokio;

fn quota(setting: Setting) -> Quota {
    Quota::new(1, setting.every()).burst(setting.burst())
}

pub(super) struct Backstay;

impl Policy<Setting> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = (Tokio, SharedRateLimiter, Setting);
    type Caller = ();

    fn shared(setting: Setting) -> Self::Shared {
        let builder = SharedRateLimiter::named("bench").quota(quota(setting));
        let builder = if setting == Setting::Lease { builder.lease(LEASE) } else { builder };
        (current_thread::backstay(), builder.build().expect("it is good"), setting)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, limiter, setting): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let is_free = how != How::Uncalled;
        let mut right = 0;
        if *setting == Setting::Refused {
            for _ in 0..times {
                right += u64::from(is_free == limiter.try_acquire(rt).await.is_ok());
            }
        } else {
            for _ in 0..times {
                right += u64::from(limiter.acquire(rt).await.is_ok());
            }
        }
        right
    }
}

/// In no store.
pub(super) struct Local;

impl Policy<Setting> for Local {
    const NAME: &'static str = "local";
    const SIDE: Side = Side::Variant;
    type Shared = (Tokio, RateLimiter, Setting);
    type Caller = ();

    fn shared(setting: Setting) -> Self::Shared {
        let limiter = RateLimiter::new(quota(setting)).expect("it is good");
        (current_thread::backstay(), limiter, setting)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((rt, limiter, setting): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let is_free = how != How::Uncalled;
        let mut right = 0;
        if *setting == Setting::Refused {
            for _ in 0..times {
                right += u64::from(is_free == limiter.try_acquire(rt.now()).is_ok());
            }
        } else {
            for _ in 0..times {
                right += u64::from(limiter.acquire(rt).await.is_ok());
            }
        }
        right
    }
}
