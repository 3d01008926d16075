//! As many calls as the service says that it takes.

mod acquire;
mod calls;
mod config;
mod hear;
mod known;
mod permit;
mod policy;
mod rules;
mod shared;
mod state;
mod ticket;
mod told;
mod wait;

pub use acquire::AcquireServiceLimit;
pub use config::{Pacing, ServiceLimitBuilder, ServiceLimitConfig};
pub use hear::{ByVerdict, Hear};
pub use permit::ServiceLimitPermit;
pub use told::{Told, ToldQuota};

use super::attempt::Attempt;
use super::layer::{Alone, Call, Surroundings};
use super::rejected::Rejected;
use super::verdict::Inherit;
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::limit::Limit;
use crate::primitives::Arc;
use crate::runtime::Runtime;
use shared::Shared;
use std::fmt;

/// Obeys what a service says of its own limits: how much is left of which quota until when, and for how long nobody is to
/// call.
///
/// A [`RateLimiter`](super::RateLimiter) has a quota that somebody has written down, and a [`Throttle`](super::Throttle)
/// guesses from failures; this is told. The name is the IETF's, whose [draft][draft] calls what is left of a quota at some
/// moment the *service limit*. What is [`Told`] knows no protocol: `backstay-hyper` reads it from `Retry-After` and the
/// `RateLimit` fields of a response.
///
/// * Before the service has said anything all calls pass, or an
///   [`initial_quota`](ServiceLimitBuilder::initial_quota) of them.
/// * **What is left is counted here between answers**: of what an answer says is left, all calls are taken off that were
///   sent after its own, and all that are still under way. So `n` calls at the same time don't send more than is left. An
///   answer to an earlier call, which comes late, raises nothing.
/// * Of several quotas the tightest counts. 16 are told apart, by the policy's name and the partition key; of one more the
///   one is forgotten that was not spoken of for longest.
/// * When a reset has come there is the full quota again, if the service has said how much that is; if not, one call asks,
///   and the others wait for its answer. Where nothing is said of the reset, the window counts from when that was said, or
///   an [`assumed_window`](ServiceLimitBuilder::assumed_window).
/// * **`Retry-After` is for all**: nobody calls before then, never early. It takes precedence over the reset of a quota of
///   which nothing is left. Afterwards one call goes first, and the others wait for its answer, unless a quota says how
///   many may go.
/// * Who has to wait does so **first come, first served**; who would have to wait for longer than
///   [`max_wait`](ServiceLimitBuilder::max_wait) is refused at once, with the time to come back. A refusal changes nothing.
///
/// It can't know what other clients of the same quota send, nor how the service counts what it looks at at the same time:
/// what is left is no promise, and a service may refuse a call that was in time. As many calls too many can be sent as
/// overtook each other on their way.
///
/// It is a handle: clones, and the pipelines it is put in, share what it knows. Share it among all calls that the service
/// counts together, such as those with one API key, and have one for each partition.
///
/// # Cost
///
/// A short lock when a call begins and when it is answered. The latter takes longer the more calls are under way that were
/// sent before it. Nothing is allocated but when a quota is spoken of for the first time, or more calls are under way than
/// ever before; what is [`Told`] is the caller's. There is no task and no timer but those of who waits.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{ServiceLimit, Told, ToldQuota};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let limit = ServiceLimit::named("api").build().expect("it is good");
///     let minute = ToldQuota::of("minute").quota(10).window(Duration::from_secs(60));
///
///     // The first answer: two are left for 30 seconds.
///     let permit = limit.acquire(&rt).await.expect("nothing is known");
///     let told = Told::new().quota(minute.remaining(2).reset(Duration::from_secs(30)));
///     permit.told(&told, rt.now(), rt.random_u64());
///
///     // Two calls, and ten after the reset; the service says no more of it.
///     for _ in 0..12 {
///         limit.acquire(&rt).await.expect("it waits").told(&Told::new(), rt.now(), rt.random_u64());
///     }
///     let refused = limit.try_acquire(rt.now()).unwrap_err();
///     assert_eq!(refused.retry_after(), Some(Duration::from_secs(60)));
/// })?;
/// assert_eq!(run.elapsed, Duration::from_secs(30));
/// # Ok::<(), Failure>(())
/// ```
///
/// [draft]: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
#[doc(alias = "Retry-After")]
#[doc(alias = "RateLimit")]
#[doc(alias = "X-RateLimit")]
#[doc(alias = "429")]
pub struct ServiceLimit<H = ByVerdict> {
    shared: Arc<Shared>,
    hear: H,
}

impl ServiceLimit {
    /// Begins a limit of that name, for its refusals and events.
    pub const fn named(name: &'static str) -> ServiceLimitBuilder {
        ServiceLimitBuilder::new(name)
    }

    fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), hear: ByVerdict }
    }
}

impl<H> ServiceLimit<H> {
    /// The same limit, with what reads from a result what the service has said: for [`run`](Self::run), and in a pipeline.
    ///
    /// Without it, only the `retry_after` of the [`Verdict`](super::Verdict) is heard.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Error, Pipeline, ServiceLimit, Told, ToldQuota};
    /// use std::time::Duration;
    ///
    /// struct Answer {
    ///     left: u64,
    /// }
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let hear = |result: Result<&Answer, &Error<()>>| {
    ///         let quota = ToldQuota::of("api").remaining(result.ok()?.left).reset(Duration::from_secs(5));
    ///         Some(Told::new().quota(quota))
    ///     };
    ///     let limit = ServiceLimit::named("api").build().expect("it is good").hear(hear);
    ///     let api = Pipeline::named("api").service_limit(&limit).build(&rt).expect("it is good");
    ///     for left in [1, 0, 7] {
    ///         api.call(async |_| Ok(Answer { left })).await.expect("an answer");
    ///     }
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_secs(5));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn hear<G>(&self, hear: G) -> ServiceLimit<G> {
        ServiceLimit { shared: Arc::clone(&self.shared), hear }
    }

    /// Asks to make one call now: it may if nothing speaks against it and nobody waits.
    ///
    /// # Errors
    ///
    /// [`Reason::RateLimited`](super::Reason::RateLimited), with the time after which there is more, or without one if that
    /// depends on the answer to a call under way; [`Reason::Paused`](super::Reason::Paused), with the rest of the pause;
    /// [`Reason::TooLarge`](super::Reason::TooLarge). Nothing has changed then.
    pub fn try_acquire(&self, now: Instant) -> Result<ServiceLimitPermit, Rejected> {
        self.try_acquire_many(Limit::ONE, now)
    }

    /// Asks to make one call now that takes so much of the quota.
    ///
    /// Say what it is likely to take; what it took is in what the service says is left, with its answer.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    pub fn try_acquire_many(
        &self,
        n: impl Into<Limit>,
        now: Instant,
    ) -> Result<ServiceLimitPermit, Rejected> {
        match self.shared.try_take(n.into().get() as u64, now) {
            Ok(number) => Ok(ServiceLimitPermit::new(Arc::clone(&self.shared), number)),
            Err(refusal) => Err(self.shared.rejected(refusal, now)),
        }
    }

    /// Asks to make one call, when it is this caller's turn and the service takes it.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it holds nothing: what it was granted meanwhile goes back, its place in the queue is
    /// lost, and the next in the queue is woken.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire), without having waited: if its turn would not come within
    /// [`max_wait`](ServiceLimitBuilder::max_wait); and [`Reason::QueueFull`](super::Reason::QueueFull) if as many wait as
    /// may. After it has waited: [`Reason::MaxWait`](super::Reason::MaxWait), if its turn has not come by then after all,
    /// and [`Reason::TooLarge`](super::Reason::TooLarge) if it never would, since the quota has shrunk.
    #[doc(alias = "wait")]
    pub fn acquire<R: Runtime>(&self, rt: &R) -> AcquireServiceLimit<R> {
        self.acquire_many(rt, Limit::ONE)
    }

    /// As [`acquire`](Self::acquire), for a call that takes so much of the quota. Those behind it wait meanwhile, also
    /// where they ask for less.
    ///
    /// # Cancel safety
    ///
    /// As [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub fn acquire_many<R: Runtime>(&self, rt: &R, n: impl Into<Limit>) -> AcquireServiceLimit<R> {
        AcquireServiceLimit::new(Arc::clone(&self.shared), n.into().get() as u64, rt.clone())
    }

    /// Runs one operation, when the service takes it, and hears what its result says.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the operation was called, it is as if nobody had asked. Dropped later, the call counts as made.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`](super::Error::Rejected), as [`acquire`](Self::acquire); the operation's.
    pub fn run<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        H: Hear<T, E>,
        R: Runtime,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// How much may be sent now, as far as the service has said anything. None of it is promised. Changes nothing.
    pub fn remaining(&self, now: Instant) -> Option<u64> {
        self.shared.remaining(now)
    }

    /// Until when nobody is to call, if the service has said so and it is not over. Changes nothing.
    pub fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.shared.paused_until(now)
    }

    /// How many callers wait in the queue now.
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.shared.name
    }

    /// Changes all its settings, for all its handles and while it is in use: to those of a [`ServiceLimitConfig`], or of a
    /// builder, whose name, unit and observer don't count. What is not set is the default, as in a new one.
    ///
    /// What it knows stays, and so do those who wait, as long as they could when they came.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field; nothing has changed then.
    pub fn reconfigure(
        &self,
        settings: impl Into<ServiceLimitConfig>,
        now: Instant,
    ) -> Result<(), ConfigError> {
        let (rules, room) = settings.into().checked()?;
        self.shared.reconfigure(rules, room, now);
        Ok(())
    }
}

impl<H: Clone> Clone for ServiceLimit<H> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), hear: self.hear.clone() }
    }
}

impl<H> fmt::Debug for ServiceLimit<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceLimit")
            .field("name", &self.name())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
