//! No calls to what is down (recipe 6.3).

mod builder;
mod config;
mod describe;
mod future;
mod permit;
pub(super) mod recipe;
mod report;
mod shared;
mod snapshot;
pub(super) mod state;
pub(super) mod states;
mod window;

pub use builder::CircuitBreakerBuilder;
pub use config::CircuitBreakerConfig;
pub use permit::{CircuitPermit, OwnedCircuitPermit};
pub use report::CircuitMetrics;
pub use snapshot::{CircuitCalls, CircuitSnapshot};
pub use states::{CircuitReason, CircuitState};

use super::attempt::Attempt;
use super::error::Error;
use super::layer::{Alone, Call, Surroundings};
use super::rejected::Rejected;
use super::verdict::{Classify, Inherit};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::runtime::Runtime;
use shared::Shared;
use state::Switch;
use std::fmt;

/// Stops calling a service that fails, and finds out with a few calls whether it works again.
///
/// | state | calls | until |
/// |---|---|---|
/// | closed | pass | a failure, or a slow call, makes them too many |
/// | open | are refused | its time is over; then it is half-open |
/// | half-open | pass, so many at a time | enough of them have succeeded: closed; one failed: open again |
///
/// The failure that makes them too many opens it, and a success never does. A call that ends in another state than it
/// began in counts for nothing: what was slow to fail before can't open a breaker that has just closed, and what was
/// slow to succeed can't close one that has just opened. A probe that is dropped gives its place to another and counts
/// nothing either. A refusal says when it is worth coming back.
///
/// What counts as a failure is the classifier's to say ([`Verdict`](super::Verdict)): by default every error of the
/// operation and every time limit that was hit while it ran.
///
/// A handle: clones share one state. Share it among all calls to one service, and give each service its own. Use
/// something else to limit how many calls are under way (a bulkhead) or how long one takes (a timeout): a breaker is
/// told about the calls, and can't end one.
///
/// The state machine is that of Nygard's *Release It!* (2007), its windows and probes those of resilience4j and Polly.
///
/// # Cost
///
/// There is no task and no timer: time is compared when somebody asks. While all goes well a call is two loads, and
/// nothing that threads share is written: a success after a success leaves a count of consecutive failures as it is,
/// and one in a full count window without a failure leaves that. Otherwise the result of a call is counted under a
/// short lock; in a time window, or where slow calls are measured, after reading the clock. A refusal takes no lock.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{CircuitBreaker, CircuitState};
/// use std::io::{Error, ErrorKind};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let breaker = CircuitBreaker::named("users-db")
///         .consecutive_failures(3)
///         .open_for(Duration::from_secs(10))
///         .build()
///         .expect("it is good");
///     for _ in 0..3 {
///         let failed = breaker.run(&rt, async |_| Err::<(), _>(Error::from(ErrorKind::BrokenPipe))).await;
///         assert!(failed.is_err());
///     }
///     // Not called: the service is down.
///     let refused = breaker.run(&rt, async |_| Ok::<_, Error>(())).await.unwrap_err();
///     assert_eq!(refused.retry_after(), Some(Duration::from_secs(10)));
///
///     rt.sleep(Duration::from_secs(10)).await;
///     breaker.run(&rt, async |_| Ok::<_, Error>(())).await.expect("it works again");
///     assert_eq!(breaker.state(rt.now()), CircuitState::Closed);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "fuse")]
pub struct CircuitBreaker<C = Inherit> {
    shared: Arc<Shared>,
    classifier: C,
}

impl CircuitBreaker {
    /// Begins a circuit breaker of that name, for its refusals and events.
    pub const fn named(name: &'static str) -> CircuitBreakerBuilder {
        CircuitBreakerBuilder::new(name)
    }

    fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), classifier: Inherit }
    }
}

impl<C> CircuitBreaker<C> {
    /// The same breaker, with its own word on what a result says of the service: this handle's calls are judged by it,
    /// also in a pipeline that has a classifier.
    pub fn classify<D>(&self, classifier: D) -> CircuitBreaker<D> {
        CircuitBreaker { shared: Arc::clone(&self.shared), classifier }
    }

    /// What says what a result says of the service, for this handle.
    pub const fn classifier(&self) -> &C {
        &self.classifier
    }

    /// Runs one operation, if it may.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`], without calling the operation; [`Error::Operation`].
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the call counts nothing, and a probe's place is free again.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{CircuitBreaker, Error};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let breaker = CircuitBreaker::named("mail").consecutive_failures(1).build().expect("it is good");
    ///     assert_eq!(breaker.run(&rt, async |_| Err::<(), _>("down")).await, Err(Error::Operation("down")));
    ///     let refused = breaker.run(&rt, async |_| Ok::<_, &str>(unreachable!("it is open"))).await;
    ///     assert!(refused.is_err_and(|error| error.rejected().is_some()));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[inline]
    pub fn run<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        C: Classify<T, E>,
        R: Runtime,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// Runs one operation that blocks, if it may; `now` is the clock, `|| rt.now()`, and is only read if the time
    /// matters.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`], without calling the operation; [`Error::Operation`].
    ///
    /// # Panics
    ///
    /// If the operation does: then it counts nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{CircuitBreaker, Error};
    /// use backstay_core::time::Instant;
    ///
    /// let breaker = CircuitBreaker::named("disk").consecutive_failures(1).build()?;
    /// let now = || Instant::ORIGIN; // `rt.now()`
    /// assert_eq!(breaker.call_blocking(now, || Err::<(), _>("full")), Err(Error::Operation("full")));
    /// assert!(matches!(breaker.call_blocking(now, || Ok::<_, &str>(())), Err(Error::Rejected(_))));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    #[inline]
    pub fn call_blocking<T, E>(
        &self,
        now: impl Fn() -> Instant,
        op: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
    {
        match self.shared.acquire(&now) {
            Ok(ticket) => {
                let permit = CircuitPermit::new(&self.shared, ticket);
                let result = op().map_err(Error::Operation);
                permit.record_at(self.classifier.classify(result.as_ref()), now);
                result
            }
            Err(rejected) => Err(rejected.into()),
        }
    }

    /// Asks to make a call at this time; the permit is to be told how it went.
    ///
    /// # Errors
    ///
    /// [`Reason::Open`](super::Reason::Open), with the time after which to come back, [`ProbesBusy`], [`Isolated`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::CircuitBreaker;
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// let now = Instant::ORIGIN; // `rt.now()`
    /// let breaker = CircuitBreaker::named("mail").consecutive_failures(1).build()?;
    /// let permit = breaker.try_acquire(now)?;
    /// permit.failure(now);
    ///
    /// let refused = breaker.try_acquire(now).unwrap_err();
    /// let later = now + refused.retry_after().expect("it is known");
    /// assert!(breaker.try_acquire(later)?.is_probe());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// [`ProbesBusy`]: super::Reason::ProbesBusy
    /// [`Isolated`]: super::Reason::Isolated
    #[inline]
    pub fn try_acquire(&self, now: Instant) -> Result<CircuitPermit<'_>, Rejected> {
        Ok(CircuitPermit::new(&self.shared, self.shared.acquire(|| now)?))
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that can go anywhere.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn try_acquire_owned(&self, now: Instant) -> Result<OwnedCircuitPermit, Rejected> {
        let ticket = self.shared.acquire(|| now)?;
        Ok(OwnedCircuitPermit::new(Arc::clone(&self.shared), ticket))
    }

    /// Whether a call would pass at this time. Changes nothing and takes no place.
    pub fn would_permit(&self, now: Instant) -> bool {
        self.shared.would_admit(now)
    }

    /// The state in which a call would find it at this time. Changes nothing.
    pub fn state(&self, now: Instant) -> CircuitState {
        self.shared.view(now).state
    }

    /// What it has counted, as of this time. Changes nothing.
    pub fn metrics(&self, now: Instant) -> CircuitMetrics {
        self.shared.view(now).into()
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.shared.name()
    }

    /// Refuses all calls, until [`reset`](Self::reset) or another of these.
    #[doc(alias = "force_open")]
    pub fn isolate(&self) {
        self.shared.switch(Switch::Isolate);
    }

    /// Closes it, with nothing counted; calls that are under way count for nothing.
    pub fn reset(&self) {
        self.shared.switch(Switch::Close);
    }

    /// Lets all calls pass and counts nothing, until [`reset`](Self::reset) or another of these.
    #[doc(alias = "force_closed")]
    pub fn disable(&self) {
        self.shared.switch(Switch::Disable);
    }

    /// Lets all calls pass and counts them, until [`reset`](Self::reset) or another of these: to see what they would
    /// do to it.
    pub fn metrics_only(&self) {
        self.shared.switch(Switch::MetricsOnly);
    }

    /// Changes all its settings, for all its handles and while it is in use: to those of a [`CircuitBreakerConfig`], or
    /// of a builder, whose name, observer and seed don't count. What is not set is the default, as in a new one.
    ///
    /// It goes by the old settings until `now`, and by the new ones from then on:
    ///
    /// | of it | |
    /// |---|---|
    /// | its state | stays, whatever would have become of it: the next failure may open it, and this never does |
    /// | calls under way | count, by the new settings; one that began while slow calls were not measured is not slow |
    /// | the window | keeps the latest calls that there is room for, those of a time window to within 1/32 of it; changed from calls to time, or from time to calls, it begins empty |
    /// | failures in a row | stay; and so does how often it has opened |
    /// | open | until the time that was said; the next time is a new one |
    /// | half-open | it counts, and has its time, anew, unless the settings are the same; probes that are under way count |
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; nothing has changed then.
    ///
    /// # Cost
    ///
    /// In the number of calls in a window of calls, under the lock.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{CircuitBreaker, CircuitState};
    /// use backstay_core::time::Instant;
    ///
    /// let now = Instant::ORIGIN; // `rt.now()`
    /// let breaker = CircuitBreaker::named("mail").consecutive_failures(10).build()?;
    /// for _ in 0..4 {
    ///     breaker.try_acquire(now)?.failure(now);
    /// }
    /// breaker.reconfigure(CircuitBreaker::named("mail").consecutive_failures(5), now)?;
    /// assert_eq!(breaker.state(now), CircuitState::Closed);
    /// breaker.try_acquire(now)?.failure(now); // the fifth
    /// assert_eq!(breaker.state(now), CircuitState::Open);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "update")]
    #[doc(alias = "reload")]
    pub fn reconfigure(
        &self,
        settings: impl Into<CircuitBreakerConfig>,
        now: Instant,
    ) -> Result<(), ConfigError> {
        let config = settings.into();
        self.shared.reconfigure(config.rules()?, config.window(), config.slow_call_duration, now);
        Ok(())
    }
}

impl<C: Clone> Clone for CircuitBreaker<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), classifier: self.classifier.clone() }
    }
}

impl<C> fmt::Debug for CircuitBreaker<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name())
            .field("state", &self.shared.last_state())
            .finish_non_exhaustive()
    }
}
