//! governor.

use super::{BURST, EVERY, Setting};
use crate::calls::{How, Policy};
use crate::keys::{Key, Keyed};
use governor::clock::{Clock, DefaultClock, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::{DashMapStateStore, HashMapStateStore, KeyedStateStore};
use governor::{Quota, RateLimiter};
use std::marker::PhantomData;
use std::num::NonZeroU32;

pub(super) const NAME: &str = "governor";

type Limiter<K, S, C> = RateLimiter<K, S, C, NoOpMiddleware<<C as Clock>::Instant>>;

pub(super) struct Dashmap<K>(PhantomData<K>);

impl<K: Key> Policy<Setting> for Dashmap<K> {
    const NAME: &'static str = NAME;
    type Shared = Keyed<K, Limiter<K, DashMapStateStore<K>, DefaultClock>>;
    type Caller = usize;

    fn shared(setting: Setting) -> Self::Shared {
        keyed(setting, DashMapStateStore::default())
    }

    fn caller(shared: &Self::Shared) -> usize {
        shared.start()
    }

    fn calls(shared: &Self::Shared, start: &mut usize, _: How, times: u64) -> impl Future<Output = u64> {
        calls(shared, *start, times)
    }
}

pub(super) struct Monotonic<K>(PhantomData<K>);

impl<K: Key> Policy<Setting> for Monotonic<K> {
    const NAME: &'static str = "monotonic";
    type Shared = Keyed<K, Limiter<K, DashMapStateStore<K>, MonotonicClock>>;
    type Caller = usize;

    fn shared(setting: Setting) -> Self::Shared {
        keyed(setting, DashMapStateStore::default())
    }

    fn caller(shared: &Self::Shared) -> usize {
        shared.start()
    }

    fn calls(shared: &Self::Shared, start: &mut usize, _: How, times: u64) -> impl Future<Output = u64> {
        calls(shared, *start, times)
    }
}

pub(super) struct Hashmap<K>(PhantomData<K>);

impl<K: Key> Policy<Setting> for Hashmap<K> {
    const NAME: &'static str = "hashmap";
    type Shared = Keyed<K, Limiter<K, HashMapStateStore<K>, DefaultClock>>;
    type Caller = usize;

    fn shared(setting: Setting) -> Self::Shared {
        keyed(setting, HashMapStateStore::default())
    }

    fn caller(shared: &Self::Shared) -> usize {
        shared.start()
    }

    fn calls(shared: &Self::Shared, start: &mut usize, _: How, times: u64) -> impl Future<Output = u64> {
        calls(shared, *start, times)
    }
}

fn keyed<K, S, C>(Setting { count, .. }: Setting, store: S) -> Keyed<K, Limiter<K, S, C>>
where
    K: Key,
    S: KeyedStateStore<K>,
    C: Clock + Default,
{
    let burst = NonZeroU32::new(BURST).expect("it is not zero");
    let quota = Quota::with_period(EVERY).expect("it is not zero").allow_burst(burst);
    Keyed::new(count, RateLimiter::new(quota, store, C::default()))
}

async fn calls<K, S, C>(keyed: &Keyed<K, Limiter<K, S, C>>, start: usize, times: u64) -> u64
where
    K: Key,
    S: KeyedStateStore<K>,
    C: Clock,
{
    keyed.keys(start, times).map(|key| u64::from(keyed.guard.check_key(key).is_ok())).sum()
}
