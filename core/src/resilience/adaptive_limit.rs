//! A concurrency limit that finds its own size (recipe 6.5).

mod acquire;
mod aimd;
mod algorithm;
mod config;
mod gradient;
mod permit;
mod policy;
mod sample;
mod shared;
mod state;
mod vegas;
mod window;
mod windowed;

pub use acquire::{AdaptiveAcquire, AdaptiveAcquireOwned};
pub use aimd::Aimd;
pub use algorithm::AdaptiveAlgorithm;
pub use config::{AdaptiveLimitBuilder, AdaptiveLimitConfig};
pub use gradient::Gradient;
pub use permit::{AdaptivePermit, OwnedAdaptivePermit};
pub use vegas::Vegas;

use super::attempt::Attempt;
use super::layer::{Alone, Call, Surroundings};
use super::rejected::Rejected;
use super::verdict::Inherit;
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::sync::Lease;
use shared::{Handle, Shared};
use std::fmt;
use std::sync::Arc;

/// At most so many calls at a time, where it finds out itself how many that should be.
///
/// It measures how long calls take and whether the service is overloaded, and grows or shrinks by one of three
/// [algorithms](AdaptiveAlgorithm): a [`Bulkhead`](super::Bulkhead) that somebody resizes all the time, who knows by
/// how much. It is a handle: clones, and the pipelines it is put in, share its places and what it has learned. Each service
/// is to have its own.
///
/// | a call | is |
/// |---|---|
/// | that succeeds | a latency, from when it was let in |
/// | that timed out, or failed and says [when to come back](super::Verdict::Failure) | an overload |
/// | that failed otherwise, was cancelled, or not called | nothing: a failure is no measurement |
///
/// **No growth that is not used.** While fewer than half of its places are taken, it is the application that limits the
/// calls, and not this: however quick they are, the limit stays where it is. While there are fewer than a quarter, it
/// does not shrink for their average latency either: it is not they that make the service slow. What an [`Aimd`]'s
/// threshold finds too slow is an overload, however few they are.
///
/// **The baseline is measured again.** What is short or long for the service is learned from what was seen, a lucky
/// moment or a start under full load included, and the service itself changes. So where the latency was above the
/// baseline for `probe_after` windows, and after the first ten, a quarter of the limit is in force for one window, so
/// that nothing waits inside of the service; what calls take then is the new baseline. Where the limit isn't used, there
/// is no need for that.
///
/// **An overload counts once in a round trip**, however many calls it hits: what was let in before the limit was last
/// made smaller says nothing new.
///
/// **By default nobody waits**: who finds no place is refused at once, with [`Busy`](super::Reason::Busy). With a
/// `max_waiting` there is a bulkhead's queue, strict, first come, first served. A limit that grows lets in those who
/// wait; one that shrinks takes nothing from those who are in.
///
/// Use something else where the limit is known (a [`Bulkhead`](super::Bulkhead)), where it is a rate (a
/// [`RateLimiter`](super::RateLimiter)), and for calls of which there are only a few.
///
/// The algorithms are those of [Netflix' concurrency-limits](https://github.com/Netflix/concurrency-limits) and of TCP;
/// each says what it is. That failures are ignored and overloads are not is as there (`onIgnore`, `onDropped`); permits
/// that give their place back whatever happens, as in [failsafe-go](https://failsafe-go.dev/adaptive-limiter/).
///
/// # Cost
///
/// A place is had and given back without a lock, as a bulkhead's. The clock is read when a call is let in and when it
/// ends, and its latency goes in under a short lock. Nothing is allocated.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{AdaptiveLimit, Aimd};
/// use backstay_core::{JoinHandle, Runtime};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let search = AdaptiveLimit::named("search").algorithm(Aimd::new()).initial_limit(4).build();
///     let search = search.expect("it is good");
///     for _ in 0..60 {
///         let tasks = [(); 4].map(|()| {
///             let (rt, search) = (rt.clone(), search.clone());
///             rt.clone().spawn(async move {
///                 search.run(&rt, async |_| Ok::<_, std::io::Error>(rt.sleep(Duration::from_millis(10)).await)).await
///             })
///         });
///         for task in tasks {
///             task.await.expect("no panic").expect("there is room");
///         }
///     }
///     // It was used, and nobody complained.
///     search.limit()
/// })?;
/// assert_eq!(run.value, 9); // and no more: of nine, four are fewer than half
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "AdaptiveLimiter")]
#[doc(alias = "concurrency-limits")]
#[doc(alias = "AdaptiveConcurrency")]
#[derive(Clone)]
pub struct AdaptiveLimit {
    shared: Arc<Shared>,
}

impl AdaptiveLimit {
    /// Begins one of that name, for its errors and events.
    pub const fn named(name: &'static str) -> AdaptiveLimitBuilder {
        AdaptiveLimitBuilder::new(name)
    }

    fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Takes a place if one is free and nobody waits; the permit is to be told how the call went.
    ///
    /// # Errors
    ///
    /// [`Reason::Busy`](super::Reason::Busy).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::AdaptiveLimit;
    /// use backstay_core::time::Instant;
    ///
    /// let now = Instant::ORIGIN; // `rt.now()`
    /// let search = AdaptiveLimit::named("search").initial_limit(10).build()?;
    /// let permit = search.try_acquire(now)?;
    /// assert_eq!(search.in_flight(), 1);
    /// permit.overloaded(now);
    /// assert_eq!((search.in_flight(), search.limit()), (0, 9));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_acquire(&self, now: Instant) -> Result<AdaptivePermit<'_>, Rejected> {
        let places = &self.shared.places;
        match Lease::take(&places.semaphore, 1) {
            Ok(lease) => Ok(AdaptivePermit::new(&self.shared, lease, now)),
            Err(error) => Err(places.refuse_at_once(error)),
        }
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that can go anywhere.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(&self, now: Instant) -> Result<OwnedAdaptivePermit, Rejected> {
        match Lease::take(Handle(Arc::clone(&self.shared)), 1) {
            Ok(lease) => Ok(OwnedAdaptivePermit::new(lease, now)),
            Err(error) => Err(self.shared.places.refuse_at_once(error)),
        }
    }

    /// Takes a place, waiting for it in the queue as its limits allow; the permit is to be told how the call went.
    ///
    /// A place that is there wins over the end of the wait. The latency is counted from then on: the wait is no part of
    /// it.
    ///
    /// # Errors
    ///
    /// [`Busy`](super::Reason::Busy) if nobody may wait; [`QueueFull`](super::Reason::QueueFull) if nobody more may;
    /// [`MaxWait`](super::Reason::MaxWait) if no turn came in time, which `?` makes a
    /// [`TimedOut`](super::Error::TimedOut) of a [`Queue`](super::Scope::Queue).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it holds nothing: a place it was granted meanwhile goes to the next in the queue,
    /// who is woken. Its own place in the queue is lost. As long as it is neither polled nor dropped, it keeps what it
    /// was granted.
    pub fn acquire<'a, R: Runtime>(&'a self, rt: &'a R) -> AdaptiveAcquire<'a, R> {
        AdaptiveAcquire::new(self, rt)
    }

    /// As [`acquire`](Self::acquire), with a permit that can go anywhere: into a task, or into a blocking job that
    /// goes on when nobody waits for it any more.
    ///
    /// # Cost
    ///
    /// Beside that of the borrowed form, two reference counts go up and down.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_owned<R: Runtime>(&self, rt: &R) -> AdaptiveAcquireOwned<R> {
        AdaptiveAcquireOwned::new(self, rt.clone())
    }

    /// Calls an operation when there is a place, which it keeps until it has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Operation`](super::Error::Operation); without calling it, [`Error::Rejected`](super::Error::Rejected),
    /// or [`Error::TimedOut`](super::Error::TimedOut) where no turn came in time.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the operation's future, and then gives its place back. The limit learns nothing from it.
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

    /// Its name, empty where it was given none.
    pub fn name(&self) -> &'static str {
        self.shared.places.name
    }

    /// How many calls there may be at a time, as of now; a quarter of that while the baseline is measured.
    pub fn limit(&self) -> usize {
        self.shared.places.semaphore.capacity()
    }

    /// How many there are, with who was just granted a place and does not know yet. After it has shrunk, that can be
    /// more than the limit.
    pub fn in_flight(&self) -> usize {
        self.shared.places.semaphore.taken()
    }

    /// How many calls wait for a place.
    pub fn waiting(&self) -> usize {
        self.shared.places.semaphore.waiting()
    }

    /// Changes all its settings, for all its handles and while it is in use: to those of an [`AdaptiveLimitConfig`], or
    /// of a builder, whose name and observer don't count.
    ///
    /// The limit stays what it is, as far as `min_limit` and `max_limit` let it; `initial_limit` is of new ones. What
    /// is known of the service stays if the algorithm does. Who waits keeps its place and its `max_wait`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{AdaptiveLimit, Vegas};
    ///
    /// let search = AdaptiveLimit::named("search").build()?;
    /// search.reconfigure(AdaptiveLimit::named("").algorithm(Vegas::new()).initial_limit(1).max_limit(15))?;
    /// assert_eq!(search.limit(), 15); // it was 20
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    #[doc(alias = "update")]
    #[doc(alias = "reload")]
    pub fn reconfigure(&self, settings: impl Into<AdaptiveLimitConfig>) -> Result<(), ConfigError> {
        let config = settings.into();
        config.validate()?;
        self.shared.reconfigure(config);
        Ok(())
    }
}

impl fmt::Debug for AdaptiveLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveLimit")
            .field("name", &self.name())
            .field("limit", &self.limit())
            .field("in_flight", &self.in_flight())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
