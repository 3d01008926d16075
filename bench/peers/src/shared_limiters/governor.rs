//! governor.

use super::Setting;
use crate::calls::{How, Policy};
use governor::clock::{DefaultClock, MonotonicClock, ReasonablyRealtime};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;

type Limiter<C> =
    RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as governor::clock::Clock>::Instant>>;

/// The limiter and what is asked of it.
pub(super) struct Limited<C: ReasonablyRealtime>(Limiter<C>, Setting);

pub(super) struct Quanta;

impl Policy<Setting> for Quanta {
    const NAME: &'static str = "governor";
    type Shared = Limited<DefaultClock>;
    type Caller = ();

    fn shared(setting: Setting) -> Self::Shared {
        limited(setting)
    }

    fn caller(_: &Self::Shared) {}

    fn calls(limited: &Self::Shared, (): &mut (), how: How, times: u64) -> impl Future<Output = u64> {
        calls(limited, how, times)
    }
}

pub(super) struct Monotonic;

impl Policy<Setting> for Monotonic {
    const NAME: &'static str = "monotonic";
    type Shared = Limited<MonotonicClock>;
    type Caller = ();

    fn shared(setting: Setting) -> Self::Shared {
        limited(setting)
    }

    fn caller(_: &Self::Shared) {}

    fn calls(limited: &Self::Shared, (): &mut (), how: How, times: u64) -> impl Future<Output = u64> {
        calls(limited, how, times)
    }
}

fn limited<C: ReasonablyRealtime + Default>(setting: Setting) -> Limited<C> {
    let burst = NonZeroU32::new(setting.burst()).expect("it is not zero");
    let quota = Quota::with_period(setting.every()).expect("it is not zero").allow_burst(burst);
    Limited(RateLimiter::direct_with_clock(quota, C::default()), setting)
}

async fn calls<C: ReasonablyRealtime>(Limited(limiter, setting): &Limited<C>, how: How, times: u64) -> u64 {
    let is_free = how != How::Uncalled;
    let mut right = 0;
    if *setting == Setting::Refused {
        for _ in 0..times {
            right += u64::from(is_free == limiter.check().is_ok());
        }
    } else {
        for _ in 0..times {
            limiter.until_ready().await;
            right += 1;
        }
    }
    right
}
