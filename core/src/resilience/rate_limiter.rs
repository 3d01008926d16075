//! At most so many calls in a time (recipes 3.6 and 8.5).

mod acquire;
mod batched;
mod config;
#[cfg(feature = "serde")]
mod file;
mod ledger;
mod meter;
pub(super) mod pace;
mod patient;
mod permit;
mod policy;
mod quota;
mod reservation;
mod snapshot;
mod state;
mod ticket;
mod told;
mod window;

pub use acquire::{AcquireRate, AcquireRateOwned};
pub use batched::Batched;
pub use config::{RateLimiterBuilder, RateLimiterConfig};
pub(crate) use patient::Patient;
pub use permit::RatePermit;
pub use policy::RateLimited;
pub use quota::Quota;
pub use reservation::Reservation;
pub use snapshot::{RateSnapshot, TakenPermits};

use super::attempt::Attempt;
use super::layer::{Alone, Call, Surroundings};
use super::observer::Observed;
use super::rejected::Rejected;
use super::verdict::Inherit;
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::limit::Limit;
use crate::primitives::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, lock};
use crate::runtime::Runtime;
use crate::sync::wait_list::Wakers;
use state::State;
use std::fmt;

/// At most so many calls in a time: a rate, and a burst.
///
/// It is the generic cell rate algorithm (GCRA; ATM Forum, Traffic Management 4.0), a leaky bucket that needs one
/// number and no refilling task. A [`Quota`] says how many permits come back in which time, and how many can be saved;
/// a limiter starts with all of them. In any interval of `t` nanoseconds it grants at most the burst and what the
/// rate gives in `t`. Nothing is lost to rounding: seven a second are seven in each second, for as long as the
/// nanoseconds last (36 years; from then on its time stands still).
///
/// * [`try_acquire`](Self::try_acquire) grants or refuses at once. A refusal changes nothing, and says when to come
///   back: waiting so long is enough if nobody else comes meanwhile.
/// * [`acquire`](Self::acquire) waits, **first come, first served**: nobody overtakes, also not who asks for less or
///   with `try_acquire`, so that a large request is not starved. Who could not be served within
///   [`max_wait`](RateLimiterBuilder::max_wait) is refused at once, before it waits.
/// * [`reserve`](Self::reserve) takes permits for a time to come, and says which.
/// * [`run`](Self::run), and [`rate_limit`](super::PipelineBuilder::rate_limit) of a pipeline, take a permit before an
///   operation is called.
/// * [`batched`](Self::batched) takes several permits at a time for one thread or task, for rates in the millions.
///
/// A clone is a handle to the same limiter. Times are the caller's: no clock is read where `now` is given. To take
/// permits by one that is behind another's is safe; what is [given back](RatePermit::give_back) by one counts as of then.
///
/// Use a [`Semaphore`](crate::sync::Semaphore) where calls are to be limited by how many there are at the same time, a
/// [`KeyedRateLimiter`](super::KeyedRateLimiter) for a limit for each of many users, and a ticker for something that is
/// done at a rate by one task.
///
/// # Cost
///
/// 640 bytes and a place for each who waits. A permit is a load and an exchange of one number, without a lock and
/// without an allocation, as long as nobody waits; [strict](Quota::strict) windows take a lock.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{Quota, RateLimiter};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let limiter = RateLimiter::new(Quota::per_second(10).burst(5)).expect("a good quota");
///     for _ in 0..15 {
///         let _permit = limiter.acquire(&rt).await.expect("it waits as long as it takes");
///     }
/// })?;
/// assert_eq!(run.elapsed, Duration::from_secs(1)); // five at once, and ten at their rate
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "throttle")]
#[doc(alias = "token_bucket")]
#[doc(alias = "leaky_bucket")]
#[doc(alias = "gcra")]
#[derive(Clone)]
pub struct RateLimiter {
    shared: Arc<Shared>,
}

struct Shared {
    state: State,
    name: &'static str,
    // Of who asks from now on, in nanoseconds; `u64::MAX` for as long as it takes.
    max_wait: AtomicU64,
    max_waiting: AtomicUsize,
    quota: Mutex<Quota>,
    observed: Observed,
}

impl RateLimiter {
    /// A limiter with that quota, all of whose burst can be taken, and in which anybody may wait;
    /// [`named`](Self::named) begins one with limits to that.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field of the [`Quota`], and its range.
    pub fn new(quota: Quota) -> Result<Self, ConfigError> {
        Self::named("").quota(quota).build()
    }

    /// Begins a limiter of that name, for its refusals and reports.
    pub const fn named(name: &'static str) -> RateLimiterBuilder {
        RateLimiterBuilder::new(name)
    }

    fn with(name: &'static str, config: &RateLimiterConfig, observed: Observed) -> Result<Self, ConfigError> {
        let quota = config.checked_quota()?;
        let shared = Shared {
            state: State::new(&quota)?,
            name,
            max_wait: AtomicU64::new(config.max_wait_nanos()),
            max_waiting: AtomicUsize::new(config.max_waiting_or_any()),
            quota: Mutex::new(quota),
            observed,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Takes one permit, if there is one now and nobody waits.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with [`Reason::RateLimited`](super::Reason::RateLimited) and the time after which there is one. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::new(Quota::per_second(7))?;
    /// let now = Instant::ORIGIN; // or `rt.now()`
    /// assert!(limiter.try_acquire(now).is_ok());
    ///
    /// let wait = limiter.try_acquire(now).unwrap_err().retry_after().unwrap();
    /// assert_eq!(wait, Duration::from_nanos(142_857_143)); // rounded up, never too short
    /// assert!(limiter.try_acquire(now + wait).is_ok());
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    #[inline]
    #[doc(alias = "check")]
    pub fn try_acquire(&self, now: Instant) -> Result<RatePermit<'_>, Rejected> {
        self.try_take(1, now)
    }

    /// Takes `n` permits together, if there are so many now and nobody waits.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire); [`Reason::TooLarge`](super::Reason::TooLarge) if there are never so many at once.
    #[inline]
    #[doc(alias = "check_n")]
    pub fn try_acquire_many(&self, n: impl Into<Limit>, now: Instant) -> Result<RatePermit<'_>, Rejected> {
        self.try_take(n.into().get() as u64, now)
    }

    /// Takes one permit, when it is this caller's turn and there is one.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it holds nothing: a permit it was granted meanwhile goes back, its place in the
    /// queue is lost, and the next in the queue is woken.
    ///
    /// # Errors
    ///
    /// [`Rejected`], without having waited: [`Reason::RateLimited`](super::Reason::RateLimited) if it could not be served within the limiter's
    /// [`max_wait`](RateLimiterBuilder::max_wait), [`Reason::QueueFull`](super::Reason::QueueFull) if as many wait as may. After it has waited:
    /// [`Reason::MaxWait`](super::Reason::MaxWait), if its turn has not come by then after all, because the quota was changed, or permits were
    /// reserved.
    #[inline]
    #[doc(alias = "until_ready")]
    #[doc(alias = "wait")]
    pub fn acquire<'a, R: Runtime>(&'a self, rt: &'a R) -> AcquireRate<'a, R> {
        AcquireRate::new(self, rt, 1)
    }

    /// Takes one permit, and blocks this thread until it is this caller's turn: [`acquire`](Self::acquire) by
    /// [`Runtime::block_thread`], in one queue with all who wait, on whatever thread or in whatever task. For a
    /// [blocking job](Runtime::spawn_blocking) or a thread of the program's, and never in async code.
    ///
    /// More at once, or with a limit on the time, is `rt.block_thread(limiter.acquire_many(&rt, n))`.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_thread`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = RateLimiter::new(Quota::per_second(1)).expect("a good quota");
    ///     let job = rt.spawn_blocking({
    ///         let (rt, limiter) = (rt.clone(), limiter.clone());
    ///         move || (0..3).all(|_| limiter.acquire_blocking(&rt).is_ok())
    ///     });
    ///     assert_eq!(job.await.ok(), Some(true));
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_secs(2));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "wait")]
    pub fn acquire_blocking<'a, R: Runtime>(&'a self, rt: &'a R) -> Result<RatePermit<'a>, Rejected> {
        rt.block_thread(self.acquire(rt))
    }

    /// Takes `n` permits together, when it is this caller's turn and there are so many. Those behind it wait
    /// meanwhile, also where they ask for less.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire); [`Reason::TooLarge`](super::Reason::TooLarge) if there are never so many at once, before or after a
    /// change of quota.
    #[inline]
    #[doc(alias = "until_n_ready")]
    pub fn acquire_many<'a, R: Runtime>(&'a self, rt: &'a R, n: impl Into<Limit>) -> AcquireRate<'a, R> {
        AcquireRate::new(self, rt, n.into().get() as u64)
    }

    /// As [`acquire`](Self::acquire), with a permit that can go anywhere, and that goes back when it is dropped: until
    /// [`commit`](Reservation::commit) says that it is used. For who has its turn before it knows whether there will be
    /// a call.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Quota, RateLimiter};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = RateLimiter::new(Quota::per_minute(1)).expect("a good quota");
    ///     let turn = limiter.acquire_owned(&rt).await.expect("there is one");
    ///     drop(turn); // there was nothing to do
    ///     limiter.acquire_owned(&rt).await.expect("there is one still").commit();
    ///     assert!(limiter.try_acquire(rt.now()).is_err());
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn acquire_owned<R: Runtime>(&self, rt: &R) -> AcquireRateOwned<R> {
        AcquireRateOwned::new(self, rt.clone())
    }

    /// Takes `n` permits now, for a time that may be to come: behind everybody who waits, whose times are fixed by
    /// this. Who has a fixed time keeps it, also when something is given back: that is for who comes then.
    ///
    /// For who can't wait here, or has to know when: a scheduler, a client that is told `Retry-After`. What is taken
    /// may be used from [`ready_at`](Reservation::ready_at) on. A reservation that is dropped unused
    /// [gives back](Reservation::cancel) what it can.
    ///
    /// # Errors
    ///
    /// [`Reason::TooLarge`](super::Reason::TooLarge); [`Reason::RateLimited`](super::Reason::RateLimited) if the time is further away than the limiter's
    /// [`max_wait`](RateLimiterBuilder::max_wait), or beyond the 36 years a limiter counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::new(Quota::per_second(1))?;
    /// let now = Instant::ORIGIN;
    /// let ready_at = |_| Some(limiter.reserve(Limit::ONE, now).ok()?.commit());
    /// let times: Vec<_> = (0..3).filter_map(ready_at).collect();
    /// assert_eq!(times, [0, 1, 2].map(|s| now + Duration::from_secs(s)));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn reserve(&self, n: impl Into<Limit>, now: Instant) -> Result<Reservation, Rejected> {
        let now = now.as_nanos();
        let latest = now.saturating_add(self.shared.max_wait());
        match self.shared.state.reserve(n.into().get() as u64, now, latest) {
            Ok(grant) => Ok(Reservation::new(self.clone(), grant)),
            Err(refusal) => Err(self.rejected(refusal, now)),
        }
    }

    /// A handle for one thread or task that takes up to `size` permits at a time, and most of its own from those.
    pub fn batched(&self, size: impl Into<Limit>) -> Batched {
        Batched::new(self.clone(), size.into().get() as u64)
    }

    /// Runs one operation, when there is a permit.
    ///
    /// The permit is taken before the operation is called, and counts from then on, whatever comes of it.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the operation was called, it gives the permit back, or its place in the queue.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`](super::Error::Rejected) and [`Error::TimedOut`](super::Error::TimedOut) with
    /// [`Scope::Queue`](super::Scope::Queue), as [`acquire`](Self::acquire); the operation's.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = RateLimiter::named("pings").quota(Quota::per_minute(1))
    ///         .max_wait(Duration::from_secs(10))
    ///         .build()
    ///         .expect("a good quota");
    ///     let call = async |_| Ok::<_, std::io::Error>("pong");
    ///     assert_eq!(limiter.run(&rt, call).await.ok(), Some("pong"));
    ///
    ///     // The next would have to wait for a minute: it is told so now.
    ///     let error = limiter.run(&rt, call).await.unwrap_err();
    ///     assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
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

    /// Changes the quota while it is in use.
    ///
    /// It is settled as it was until `now`: permits that are saved stay, as far as the new burst has room for them, and
    /// what comes back from now on comes at the new rate. Times that were [reserved](Self::reserve) stay what they
    /// are. Who waits has its turn at the new rate, or is refused with [`Reason::TooLarge`](super::Reason::TooLarge) if it would wait for ever.
    /// What was taken before is not given back any more. The same quota once more changes nothing.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// let limiter = RateLimiter::new(Quota::per_second(1).burst(1_000))?;
    /// let start = Instant::ORIGIN;
    /// let all = limiter.try_acquire_many(Limit::new(1_000)?, start);
    /// assert!(all.is_ok());
    ///
    /// let now = start + Duration::from_secs(10);
    /// limiter.set_quota(Quota::per_second(100).burst(1_000), now)?;
    /// assert_eq!(limiter.available(now), 10); // not a thousand
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    #[doc(alias = "set_rate")]
    pub fn set_quota(&self, quota: Quota, now: Instant) -> Result<(), ConfigError> {
        self.change(quota, now, || ())
    }

    /// Changes all its settings while it is in use, to those of a [`RateLimiterConfig`] or of a builder, whose name and
    /// observer don't count: the quota as [`set_quota`](Self::set_quota) does, and how many may wait and how long for who
    /// asks from now on.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// let now = Instant::ORIGIN; // `rt.now()`
    /// let limiter = RateLimiter::new(Quota::per_second(1))?;
    /// let settings = RateLimiter::named("").quota(Quota::per_second(5)).max_wait(Duration::from_secs(1));
    /// limiter.reconfigure(settings, now)?;
    /// assert_eq!(limiter.quota(), Quota::per_second(5));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn reconfigure(
        &self,
        settings: impl Into<RateLimiterConfig>,
        now: Instant,
    ) -> Result<(), ConfigError> {
        let config = settings.into();
        self.change(config.checked_quota()?, now, || {
            self.shared.max_wait.store(config.max_wait_nanos(), Ordering::Relaxed);
            self.shared.max_waiting.store(config.max_waiting_or_any(), Ordering::Relaxed);
        })
    }

    /// Its quota.
    pub fn quota(&self) -> Quota {
        *lock(&self.shared.quota)
    }

    /// Its name, empty where it was given none.
    pub fn name(&self) -> &'static str {
        self.shared.name
    }

    /// How many permits a newcomer could take now: none while somebody waits.
    pub fn available(&self, now: Instant) -> u64 {
        self.shared.state.available(now.as_nanos())
    }

    /// How many callers wait in the queue now.
    pub fn waiting(&self) -> usize {
        self.shared.state.waiting()
    }

    /// Changes the quota and, if it can be, the rest under the same lock: of two who do this at once, one has its way in
    /// all.
    fn change(&self, quota: Quota, now: Instant, rest: impl FnOnce()) -> Result<(), ConfigError> {
        // They are woken when the quota can be asked for again, and all is changed.
        let mut wakers = Wakers::new();
        let mut current = lock(&self.shared.quota);
        // The same once more takes nothing from who may give back.
        if *current != quota {
            self.shared.state.change(&quota, now.as_nanos(), &mut wakers)?;
            *current = quota;
        }
        rest();
        Ok(())
    }

    #[inline]
    fn try_take(&self, n: u64, now: Instant) -> Result<RatePermit<'_>, Rejected> {
        match self.shared.state.try_take(n, now.as_nanos()) {
            Ok(stamp) => Ok(RatePermit::new(self, stamp)),
            Err(refusal) => Err(self.rejected(refusal, now.as_nanos())),
        }
    }
}

impl Shared {
    fn max_wait(&self) -> u64 {
        self.max_wait.load(Ordering::Relaxed)
    }

    fn max_waiting(&self) -> usize {
        self.max_waiting.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("name", &self.name())
            .field("quota", &self.quota())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
