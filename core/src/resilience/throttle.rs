//! Fewer calls to what can't take so many (recipe 6.3).

mod config;
mod permit;
mod policy;
mod report;
mod shared;
mod state;
mod window;

pub use config::{ThrottleBuilder, ThrottleConfig};
pub use permit::{OwnedThrottlePermit, ThrottlePermit};
pub use report::ThrottleMetrics;

use super::attempt::Attempt;
use super::layer::{Alone, Call, Surroundings};
use super::priority::Priority;
use super::rejected::Rejected;
use super::verdict::{Classify, Inherit};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::primitives::Arc;
use crate::runtime::Runtime;
use shared::Shared;
use std::fmt;

/// Sends a service about as much as it can take, by how much it took of late, and refuses the rest without sending it.
///
/// A service that is overloaded spends its time on refusing; a client that goes on asking it keeps it so. This is the
/// client-side throttling of Google's [*Site Reliability Engineering*][book]: of the calls of the last two minutes it
/// counts those that were wanted, `requests`, and those that the service accepted, and refuses the next with the
/// probability
///
/// > max(0, (requests - K × accepts) / (requests + 1))
///
/// so that a service that takes `accepts` is sent K times that. What it refuses counts as wanted, so it refuses more the
/// more is wanted. Where a [breaker](super::CircuitBreaker) sends all or nothing, this sends what is taken: it fits a
/// service that still works, only not for all.
///
/// | the call | counts as |
/// |---|---|
/// | [`Success`](super::Verdict::Success) | accepted |
/// | [`Fatal`](super::Verdict::Fatal) | accepted: the service has answered, and would the same if it were sent less |
/// | [`Failure`](super::Verdict::Failure) | not accepted |
/// | refused by the throttle | not accepted |
/// | [`Ignore`](super::Verdict::Ignore), dropped, ended before the operation was called | nothing |
///
/// A call counts when it ends: calls that are under way say nothing yet, and a burst of them is no overload.
///
/// **Priorities.** What can be sent goes to the higher [priorities](Priority) first: to each no more than K times what
/// was accepted of its own (the book's separate count for each), and no more than those above it leave of K times what
/// was accepted of all. So calls are refused with no smaller probability than those of a higher priority, also where the
/// service knows of no priorities and fails them all alike.
///
/// It is a handle: clones, and the pipelines it is put in, share its counts. Share it among all calls to one service,
/// each with [its priority](Self::with_priority), and give each service its own.
///
/// # Cost
///
/// While nothing fails a call is a load when it begins, and when it ends a reading of the clock and a short lock. There
/// is no task, no timer and no allocation, and memory is the same for any number of calls: about 3 KiB.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{Error, Pipeline, Priority, Throttle};
/// use std::cell::Cell;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let throttle = Throttle::named("users-db").build().expect("it is good");
///     let users = Pipeline::named("users").throttle(&throttle).build(&rt).expect("it is good");
///     let export = throttle.with_priority(Priority::Sheddable);
///     let export = Pipeline::named("export").throttle(&export).build(&rt).expect("it is good");
///
///     // It takes one while four are wanted: it can be sent twice that, which is half of what is wanted.
///     let has_time = Cell::new(false);
///     for call in 0..1_000 {
///         has_time.set(has_time.get() || call % 4 == 0);
///         let _ = users.call(async |_| if has_time.replace(false) { Ok(()) } else { Err("overloaded") }).await;
///     }
///     let refused = throttle.rejection_probability(Priority::Critical, rt.now());
///     assert!((0.4..0.6).contains(&refused), "{refused}");
///     // There is nothing left for the export.
///     let mut sent = 0;
///     for _ in 0..100 {
///         let result = export.call(async |_| Ok::<_, &str>(())).await;
///         sent += usize::from(!matches!(result, Err(Error::Rejected(_))));
///     }
///     assert!(sent < 50, "{sent}");
/// })?;
/// # Ok::<(), Failure>(())
/// ```
///
/// [book]: https://sre.google/sre-book/handling-overload/
#[doc(alias = "adaptive throttling")]
#[doc(alias = "admission control")]
#[doc(alias = "googlebreaker")]
pub struct Throttle<C = Inherit> {
    shared: Arc<Shared>,
    priority: Priority,
    classifier: C,
}

impl Throttle {
    /// Begins a throttle of that name, for its refusals and events.
    pub const fn named(name: &'static str) -> ThrottleBuilder {
        ThrottleBuilder::new(name)
    }

    fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), priority: Priority::default(), classifier: Inherit }
    }
}

impl<C> Throttle<C> {
    /// A handle to the same throttle whose calls are of that priority; [`Critical`](Priority::Critical) until it is said.
    #[must_use]
    pub fn with_priority(&self, priority: Priority) -> Self
    where
        C: Clone,
    {
        Self { priority, ..self.clone() }
    }

    /// The priority of this handle's calls.
    pub const fn priority(&self) -> Priority {
        self.priority
    }

    /// The same throttle, with its own word on what a result says of the service: this handle's calls are judged by it,
    /// also in a pipeline that has a classifier.
    ///
    /// For where a failure is not always too much load: to count only what the service refuses as overload, such as 429
    /// and 503 of HTTP, say [`Fatal`](super::Verdict::Fatal) of the other errors here.
    pub fn classify<D>(&self, classifier: D) -> Throttle<D> {
        Throttle { shared: Arc::clone(&self.shared), priority: self.priority, classifier }
    }

    /// What says what a result says of the service, for this handle.
    pub const fn classifier(&self) -> &C {
        &self.classifier
    }

    /// Runs one operation, if it may.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`](super::Error::Rejected) with [`Throttled`](super::Reason::Throttled), without calling the
    /// operation; [`Error::Operation`](super::Error::Operation).
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, the call counts nothing.
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

    /// Asks to make a call of that priority at this time; the permit is to be told how it went. The random number,
    /// `rt.random_u64()`, decides where it is a matter of chance.
    ///
    /// # Errors
    ///
    /// [`Reason::Throttled`](super::Reason::Throttled).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{Priority, Throttle};
    /// use backstay_core::time::Instant;
    ///
    /// let (now, random) = (Instant::ORIGIN, 0); // `rt.now()`, `rt.random_u64()`
    /// let throttle = Throttle::named("mail").min_requests(3).build()?;
    /// for _ in 0..3 {
    ///     throttle.try_acquire(Priority::Critical, now, random)?.failure(now);
    /// }
    /// // Three were wanted and none was taken.
    /// assert_eq!(throttle.rejection_probability(Priority::Critical, now), 0.75);
    /// assert!(throttle.try_acquire(Priority::Critical, now, random).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_acquire(
        &self,
        priority: Priority,
        now: Instant,
        random: u64,
    ) -> Result<ThrottlePermit<'_>, Rejected> {
        self.shared.acquire(priority, || (now, random))?;
        Ok(ThrottlePermit::new(&self.shared, priority))
    }

    /// As [`try_acquire`](Self::try_acquire), with a permit that can go anywhere.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_owned(
        &self,
        priority: Priority,
        now: Instant,
        random: u64,
    ) -> Result<OwnedThrottlePermit, Rejected> {
        self.shared.acquire(priority, || (now, random))?;
        Ok(OwnedThrottlePermit::new(Arc::clone(&self.shared), priority))
    }

    /// With which probability a call of that priority would be refused at this time, within 0..=1. Changes nothing.
    pub fn rejection_probability(&self, priority: Priority, now: Instant) -> f64 {
        self.metrics(priority, now).rejection_probability
    }

    /// What it has counted of the calls of that priority, as of this time. Changes nothing.
    pub fn metrics(&self, priority: Priority, now: Instant) -> ThrottleMetrics {
        self.shared.metrics(priority, now)
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.shared.name()
    }

    /// Changes all its settings, for all its handles and while it is in use: to those of a [`ThrottleConfig`], or of a
    /// builder, whose name and observer don't count. What is not set is the default, as in a new one.
    ///
    /// What it has counted stays, as far as a shorter window reaches, to within 1/32 of it; calls under way count.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; nothing has changed then.
    #[doc(alias = "update")]
    #[doc(alias = "reload")]
    pub fn reconfigure(&self, settings: impl Into<ThrottleConfig>, now: Instant) -> Result<(), ConfigError> {
        let (rules, window) = settings.into().checked()?;
        self.shared.reconfigure(rules, window, now);
        Ok(())
    }
}

impl<C: Clone> Clone for Throttle<C> {
    fn clone(&self) -> Self {
        let Self { shared, priority, classifier } = self;
        Self { shared: Arc::clone(shared), priority: *priority, classifier: classifier.clone() }
    }
}

impl<C> fmt::Debug for Throttle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("name", &self.name())
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
