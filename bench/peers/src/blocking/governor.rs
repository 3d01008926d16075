//! governor, which has no call that blocks.

use super::{BURST, EVERY, Setting};
use crate::calls::{How, Policy};
use governor::clock::{Clock, DefaultClock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::thread;

type Limiter<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

pub(super) struct Quanta;

impl Policy<Setting> for Quanta {
    const NAME: &'static str = "governor";
    type Shared = Limiter<DefaultClock>;
    type Caller = ();

    fn shared(_: Setting) -> Self::Shared {
        limiter()
    }

    fn caller(_: &Self::Shared) {}

    async fn calls(limiter: &Self::Shared, (): &mut (), _: How, times: u64) -> u64 {
        permits(limiter, times)
    }
}

pub(super) struct Monotonic;

impl Policy<Setting> for Monotonic {
    const NAME: &'static str = "monotonic";
    type Shared = Limiter<MonotonicClock>;
    type Caller = ();

    fn shared(_: Setting) -> Self::Shared {
        limiter()
    }

    fn caller(_: &Self::Shared) {}

    async fn calls(limiter: &Self::Shared, (): &mut (), _: How, times: u64) -> u64 {
        permits(limiter, times)
    }
}

fn limiter<C: Clock + Default>() -> Limiter<C> {
    let burst = NonZeroU32::new(BURST).expect("it is not zero");
    let quota = Quota::with_period(EVERY).expect("it is not zero").allow_burst(burst);
    RateLimiter::direct_with_clock(quota, C::default())
}

fn permits<C: Clock>(limiter: &Limiter<C>, times: u64) -> u64 {
    let mut right = 0;
    for _ in 0..times {
        while let Err(later) = limiter.check() {
            thread::sleep(later.wait_time_from(limiter.clock().now()));
        }
        right += 1;
    }
    right
}
