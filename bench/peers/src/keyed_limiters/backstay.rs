//! backstay.

use super::{BURST, EVERY, Setting};
use crate::calls::{How, Policy};
use crate::contest::Side;
use crate::current_thread;
use crate::keys::{Key, Keyed};
use backstay_core::Runtime;
use backstay_core::resilience::{KeyedRateLimiter, Quota};
use backstay_core::time::Instant;
use backstay_tokio::Tokio;
use std::hint::black_box;
use std::marker::PhantomData;

pub(super) struct Backstay<K>(PhantomData<K>);

/// The limiter, and a time, if it is given.
pub(super) struct Limited<K> {
    rt: Tokio,
    limiter: KeyedRateLimiter<K>,
    now: Option<Instant>,
}

impl<K: Key> Policy<Setting> for Backstay<K> {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = Keyed<K, Limited<K>>;
    type Caller = usize;

    fn shared(Setting { count, is_given, .. }: Setting) -> Self::Shared {
        let rt = current_thread::backstay();
        let quota = Quota::new(1, EVERY).burst(BURST);
        let limiter = KeyedRateLimiter::new(&rt, quota).expect("it is good");
        let now = is_given.then(|| rt.now());
        Keyed::new(count, Limited { rt, limiter, now })
    }

    fn caller(shared: &Self::Shared) -> usize {
        shared.start()
    }

    async fn calls(keyed: &Self::Shared, start: &mut usize, _: How, times: u64) -> u64 {
        let Limited { rt, limiter, now } = &keyed.guard;
        let keys = keyed.keys(*start, times);
        match now {
            Some(now) => keys.map(|key| u64::from(limiter.try_acquire(key, black_box(*now)).is_ok())).sum(),
            None => keys.map(|key| u64::from(limiter.try_acquire(key, rt.now()).is_ok())).sum(),
        }
    }
}
