//! At most so many calls in a time, of many processes together (recipe 8.5).

mod acquire;
mod config;
pub(super) mod failure;
mod in_memory;
mod lease;
mod permit;
mod policy;
mod report;
mod retry_budget;
mod shared;
mod store;
mod turn;

pub use acquire::AcquireShared;
pub use config::{SharedRateLimiterBuilder, SharedRateLimiterConfig};
pub use failure::{OnStoreFailure, StoreFailure};
pub use in_memory::{InMemoryStore, StoreFull};
pub use permit::{GrantedBy, SharedPermit};
pub use policy::SharedRateLimited;
pub use report::SharedRateMetrics;
pub use retry_budget::SharedRetryBudget;
pub use store::{Ask, QuotaStore, Taken};

use super::attempt::Attempt;
use super::circuit_breaker::CircuitBreaker;
use super::layer::{Alone, Call, Surroundings};
use super::observer::Observed;
use super::rate_limiter::{Quota, RateLimiter};
use super::verdict::Inherit;
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::limit::Limit;
use crate::runtime::Runtime;
use lease::Lease;
use report::Counts;
use shared::Shared;
use std::fmt;
use std::sync::{Arc, Mutex};

/// At most so many calls in a time, for all who share a key in a [store](QuotaStore): the processes of a fleet.
///
/// It counts as a [`RateLimiter`] does, with the same [`Quota`], but where the others count too. By default that is
/// [this process's memory](InMemoryStore); `backstay-redis` keeps it in Redis or Valkey.
///
/// * [`try_acquire`](Self::try_acquire) asks the store, which grants or refuses at once. A refusal changes nothing
///   there, and says when to come back.
/// * [`acquire`](Self::acquire) takes a turn that may be to come, and waits for it: one round trip, however long the wait.
///   Turns are given in the order in which the store is asked, over all processes. Who would have to wait longer than
///   [`max_wait`](SharedRateLimiterBuilder::max_wait), or beyond its deadline, is refused without having waited.
/// * [`run`](Self::run), and [`rate_limit_shared`](super::PipelineBuilder::rate_limit_shared) of a pipeline, do the same
///   before an operation is called. [`retry_budget_shared`](super::PipelineBuilder::retry_budget_shared) does it for
///   retries alone.
///
/// # When the store fails
///
/// A call waits for an answer for at most the [timeout](SharedRateLimiterBuilder::store_timeout), 20 ms by default, and
/// never beyond its own deadline. An answer that comes later is nobody's; what it granted is spent. After five failures
/// in a row the store is not asked for a second ([its breaker](SharedRateLimiterBuilder::breaker) is open), and calls
/// lose no time. What happens to those without an answer is said beforehand, by [`OnStoreFailure`]: they pass, are
/// refused with [`Reason::StoreFailed`](super::Reason::StoreFailed), or have this process's share, and are refused
/// so where they ask for more than all of that. Each is an [event](super::EventKind::StoreFailed), unless its own deadline
/// was what it ran out of, and is [counted](Self::metrics); the latest error is [kept](Self::last_error).
///
/// # Leases
///
/// With a [`lease`](SharedRateLimiterBuilder::lease) of `n` one call asks for `n` permits, if they are there, and the
/// next of this process have theirs without a round trip and without waiting for the store. What is not used within
/// [`lease_for`](SharedRateLimiterBuilder::lease_for) is lost. As leased permits can be used later than they were taken,
/// all together may make up to (processes × lease) calls more in some interval than the quota says, and never more than
/// that. One call of a process asks for a lease at a time; others that come meanwhile ask for what they need.
///
/// # When not to use it
///
/// Where each process can have a fixed part of the quota, a [`RateLimiter`] each costs nothing and can't fail. For
/// fairness between many users there is the [`KeyedRateLimiter`](super::KeyedRateLimiter), in a process.
///
/// # Cost
///
/// A round trip a call, or a lease. In the limiter itself nothing is allocated; with a lease there is a short lock.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{InMemoryStore, Quota, SharedRateLimiter};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let store = InMemoryStore::new(); // what another store is to processes
///     let node = || {
///         let limiter = SharedRateLimiter::named("partner-api").quota(Quota::per_second(10).burst(5));
///         limiter.max_wait(Duration::from_secs(60)).store(store.clone()).build().expect("it is good")
///     };
///     let nodes = [node(), node(), node()];
///     for call in 0..15 {
///         let _permit = nodes[call % 3].acquire(&rt).await.expect("it waits for its turn");
///     }
/// })?;
/// assert_eq!(run.elapsed, Duration::from_secs(1)); // five at once, and ten at their rate
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "distributed")]
#[doc(alias = "fleet")]
#[doc(alias = "redis")]
#[doc(alias = "gcra")]
pub struct SharedRateLimiter<S: QuotaStore = InMemoryStore> {
    shared: Arc<Shared<S>>,
}

impl SharedRateLimiter {
    /// Begins a limiter of that name, for its refusals and reports, and for its key if that is given no other.
    pub fn named(name: &'static str) -> SharedRateLimiterBuilder {
        SharedRateLimiterBuilder::new(name)
    }
}

impl<S: QuotaStore> SharedRateLimiter<S> {
    fn with(
        name: &'static str,
        key: Arc<str>,
        config: &SharedRateLimiterConfig,
        (quota, share): (Quota, Option<Quota>),
        store: S,
        breaker: CircuitBreaker,
        observed: Observed,
    ) -> Result<Self, ConfigError> {
        // Its events are this limiter's to tell.
        let local =
            share.map(|share| RateLimiter::named(name).quota(share).max_wait(config.max_wait).build());
        let shared = Shared {
            name,
            key,
            quota,
            max_wait: config.max_wait,
            store_timeout: config.store_timeout,
            on_store_failure: config.on_store_failure,
            store,
            breaker,
            local: local.transpose()?,
            lease: Mutex::new(Lease::new(config.lease.unwrap_or(0), config.lease_for)),
            counts: Counts::default(),
            last_error: Mutex::new(None),
            observed,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Takes one permit, if there is one now.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it is as if the answer had been lost: what the store grants is spent.
    ///
    /// # Errors
    ///
    /// [`Rejected`](super::Rejected) with [`Reason::RateLimited`](super::Reason::RateLimited) and the time after which there is one; nothing has
    /// changed then. [`Reason::StoreFailed`](super::Reason::StoreFailed), if calls are to be
    /// [denied](OnStoreFailure::Deny) then, with the time after which the store is asked again if it is not now.
    /// [`Reason::MaxWait`](super::Reason::MaxWait), if the [deadline](AcquireShared::within) had passed before.
    #[doc(alias = "check")]
    pub fn try_acquire<'a, R: Runtime>(&'a self, rt: &'a R) -> AcquireShared<'a, R, S> {
        AcquireShared::new(self, rt, 1, false)
    }

    /// Takes `n` permits together, if there are so many now.
    ///
    /// # Cancel safety
    ///
    /// As [`try_acquire`](Self::try_acquire).
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire); [`Reason::TooLarge`](super::Reason::TooLarge) if there are never so many at
    /// once, without asking the store.
    #[doc(alias = "check_n")]
    pub fn try_acquire_many<'a, R: Runtime>(
        &'a self,
        rt: &'a R,
        n: impl Into<Limit>,
    ) -> AcquireShared<'a, R, S> {
        AcquireShared::new(self, rt, n.into().get() as u64, false)
    }

    /// Takes one permit, now or for a turn to come, and waits for that.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, its turn is spent, and nobody else has it. Give it a
    /// [deadline](AcquireShared::within) instead of dropping it: then it takes none that would come too late.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire), with [`Reason::RateLimited`](super::Reason::RateLimited) if the turn is
    /// further away than [`max_wait`](SharedRateLimiterBuilder::max_wait) or the deadline; and with
    /// [`Reason::MaxWait`](super::Reason::MaxWait) if the store took so long to say when its turn is that it would come too
    /// late for the deadline: it is spent then.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Quota, SharedRateLimiter};
    /// use backstay_core::time::Deadline;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = SharedRateLimiter::named("api").quota(Quota::per_second(2)).build().expect("it is good");
    ///     limiter.acquire(&rt).await.expect("there is one");
    ///
    ///     let soon = Deadline::after(&rt, Duration::from_millis(100));
    ///     let refused = limiter.acquire(&rt).within(soon).await.unwrap_err();
    ///     assert!(refused.retry_after().is_some() && rt.now().as_nanos() == 0); // told at once
    ///
    ///     limiter.acquire(&rt).await.expect("its turn comes");
    ///     assert_eq!(rt.now().as_nanos(), 500_000_000);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "wait")]
    pub fn acquire<'a, R: Runtime>(&'a self, rt: &'a R) -> AcquireShared<'a, R, S> {
        AcquireShared::new(self, rt, 1, true)
    }

    /// Takes `n` permits together, now or for a turn to come, and waits for that.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire); [`Reason::TooLarge`](super::Reason::TooLarge) if there are never so many at once.
    pub fn acquire_many<'a, R: Runtime>(&'a self, rt: &'a R, n: impl Into<Limit>) -> AcquireShared<'a, R, S> {
        AcquireShared::new(self, rt, n.into().get() as u64, true)
    }

    /// Runs one operation, when it is its turn.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire) until the operation is called.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`](super::Error::Rejected), as [`acquire`](Self::acquire);
    /// [`Error::TimedOut`](super::Error::TimedOut), where the call has a deadline that passes before the operation is
    /// called; the operation's.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Quota, SharedRateLimiter};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = SharedRateLimiter::named("pings").quota(Quota::per_minute(1)).build().expect("it is good");
    ///     let call = async |_| Ok::<_, std::io::Error>("pong");
    ///     assert_eq!(limiter.run(&rt, call).await.ok(), Some("pong"));
    ///     assert!(limiter.run(&rt, call).await.is_err()); // its turn would come in a minute
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn run<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        R: Runtime,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// What it has counted in this process.
    pub fn metrics(&self) -> SharedRateMetrics {
        self.shared.counts.read()
    }

    /// The latest error of the store, if it had one.
    pub fn last_error(&self) -> Option<Arc<S::Error>> {
        self.shared.last_error().clone()
    }

    /// How many permits this process has taken ahead and not used.
    pub fn leased(&self, now: Instant) -> u32 {
        self.shared.lease().left(now)
    }

    /// What stops asking a store that fails.
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.shared.breaker
    }

    /// Where its quota is kept.
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// The quota of all together.
    pub fn quota(&self) -> Quota {
        self.shared.quota
    }

    /// What the store knows it by.
    pub fn key(&self) -> &str {
        &self.shared.key
    }

    /// Its name, empty where it was given none.
    pub fn name(&self) -> &'static str {
        self.shared.name
    }
}

impl<S: QuotaStore> Clone for SharedRateLimiter<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: QuotaStore> fmt::Debug for SharedRateLimiter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRateLimiter")
            .field("name", &self.name())
            .field("key", &self.key())
            .field("quota", &self.quota())
            .finish_non_exhaustive()
    }
}
