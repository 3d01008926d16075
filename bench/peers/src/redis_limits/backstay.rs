//! backstay.

use super::{BURST, EVERY, Node, PERMITS, SOON};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::resilience::{
    GrantedBy, OnStoreFailure, Quota, SharedRateLimiter, SharedRateLimiterBuilder,
};
use backstay_redis::{RedisAddress, RedisStore};
use backstay_tokio::Tokio;

/// The limiter, and where it waits.
pub(super) struct Backstay {
    rt: Tokio,
    limiter: SharedRateLimiter<RedisStore<Tokio>>,
}

impl Backstay {
    fn with(port: u16, config: impl FnOnce(SharedRateLimiterBuilder) -> SharedRateLimiterBuilder) -> Self {
        let rt = current_thread::backstay();
        let builder = SharedRateLimiter::named("bench")
            .quota(Quota::new(PERMITS, EVERY).burst(BURST))
            .store_timeout(SOON)
            .on_store_failure(OnStoreFailure::Deny);
        let store = RedisStore::new(&rt, RedisAddress::new("127.0.0.1", port));
        let limiter = config(builder).store(store).build().expect("it is good");
        Self { rt, limiter }
    }
}

impl Node for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn new(port: u16) -> Self {
        Self::with(port, |builder| builder)
    }

    async fn turns(&self, times: u64) -> u64 {
        let mut right = 0;
        for _ in 0..times {
            let permit = self.limiter.acquire(&self.rt).await.expect("there is one");
            right += u64::from(matches!(permit.granted_by(), GrantedBy::Store | GrantedBy::Lease));
        }
        right
    }
}

/// It takes ten at a time.
pub(super) struct Lease(Backstay);

impl Node for Lease {
    const NAME: &'static str = "lease";
    const SIDE: Side = Side::Variant;

    async fn new(port: u16) -> Self {
        Self(Backstay::with(port, |builder| builder.key("bench-lease").lease(10)))
    }

    async fn turns(&self, times: u64) -> u64 {
        self.0.turns(times).await
    }
}
