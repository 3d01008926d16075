//! Limits on time: of a whole call, and of each attempt (recipes 8.1, 8.2, 8.3).
//!
//! Both hand a [`TimeLimit`] down, and whoever waits inside heeds the nearest: the operation for one, which is dropped
//! when it has come. So a limit is felt first where the time is spent, and travels outwards as a result.

#[cfg(feature = "serde")]
mod file;

use super::attempt::{Attempt, Operation};
use super::describe::{Describe, Facts};
use super::error::{Error, Scope};
use super::layer::{Alone, Call, Ctx, Frame, Layer, Policy, Surroundings, TimeLimit};
use super::rejected::PolicyKind;
use super::verdict::{Classify, Inherit};
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::settings::{Rule, Setting};
use crate::time::Deadline;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Of both, in files too.
const LIMIT: Rule<Duration> = Rule::<Duration>::NOT_ZERO;

/// A limit on the time of one attempt.
///
/// The time counts from when the attempt begins: in the default order that is after a bulkhead has admitted it, so
/// that [waiting for a place](Scope::Queue) is not the service's time. When it is up, the operation's future is
/// dropped, and the error is [`TimedOut`](Error::TimedOut) with [`Scope::Attempt`], which a retry outside of this may
/// answer with another attempt. [`TotalTimeout`] limits all of them together.
///
/// Never early; a result that is there in the same poll as the end of the time counts; and with no time at all the
/// operation is not called. What dropping a future stops, and what not, is in the
/// guide "what a timeout stops" (`docs/guide/what-a-timeout-stops.md`): for what runs elsewhere, or must clean up,
/// there is [`grace`](Self::grace).
///
/// # Cost
///
/// A reading of the clock. A timer when the operation is pending, the one that all policies of a call share.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{AttemptTimeout, Error, Scope};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let timeout = AttemptTimeout::new(Duration::from_millis(500));
///     let slow = async |_| Ok::<_, std::io::Error>(rt.sleep(Duration::from_secs(60)).await);
///     timeout.run(&rt, slow).await.unwrap_err()
/// })?;
/// assert!(matches!(run.value, Error::TimedOut { scope: Scope::Attempt, .. }));
/// assert_eq!(run.value.to_string(), "the attempt took longer than 500ms");
/// assert_eq!(run.elapsed, Duration::from_millis(500));
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "timeout")]
#[doc(alias = "TimeLimiter")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptTimeout {
    limit: Duration,
    grace: Option<Duration>,
}

impl AttemptTimeout {
    /// So long for each attempt.
    pub const fn new(limit: Duration) -> Self {
        Self { limit, grace: None }
    }

    /// Asks first, and drops later: when the time is up the [attempt's token](Attempt::token) is cancelled, and the
    /// operation has so much longer to end. That counts from the limit, also where the task came to notice it late.
    ///
    /// A value within the grace is the result. An error, or the end of the grace, is a time limit that was hit: the
    /// operation's own error says only how it gave up. An outer limit without a grace that comes meanwhile drops the
    /// operation then. With a grace of zero the operation has a token, and no more time.
    ///
    /// # Cost
    ///
    /// The token: two allocations for each attempt, and two more when somebody waits for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::AttemptTimeout;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let timeout = AttemptTimeout::new(Duration::from_secs(1)).grace(Duration::from_millis(100));
    ///     let pages = timeout.run(&rt, async |attempt| {
    ///         let token = attempt.token().expect("there is a grace");
    ///         let mut pages = 0;
    ///         while token.run(rt.sleep(Duration::from_millis(300))).await.is_ok() {
    ///             pages += 1; // one more was read
    ///         }
    ///         rt.sleep(Duration::from_millis(50)).await; // says goodbye
    ///         Ok::<_, std::io::Error>(pages)
    ///     });
    ///     pages.await.ok()
    /// })?;
    /// assert_eq!((run.value, run.elapsed), (Some(3), Duration::from_millis(1_050)));
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn grace(self, grace: Duration) -> Self {
        Self { grace: Some(grace), ..self }
    }

    /// Runs one operation within the limit.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], and [`Error::Operation`] where it failed in time.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the operation's future.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::AttemptTimeout;
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let hung = AttemptTimeout::new(Duration::from_secs(1)).run(&rt, |_| pending::<Result<(), &str>>()).await;
    ///     assert!(hung.is_err_and(|error| error.is_timeout()));
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

    fn begin(&self, now: Instant) -> TimeLimit {
        TimeLimit { at: now + self.limit, scope: Scope::Attempt, limit: self.limit }
    }
}

impl Describe for AttemptTimeout {
    fn facts(&self) -> Facts {
        Facts::limit(PolicyKind::AttemptTimeout, self.limit)
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.limit.check("attempt_timeout", &LIMIT)
    }
}

impl From<Duration> for AttemptTimeout {
    fn from(limit: Duration) -> Self {
        Self::new(limit)
    }
}

/// A limit on the time of a whole call: all attempts, the delays between them and the waiting for a turn.
///
/// It counts from the call's first poll, or it is a [`Deadline`], the same instant for all calls: for a job that has
/// to be done by then. A deadline that differs from call to call is given to the call,
/// with [`Call::within`]. Of several limits around an operation the earliest counts.
///
/// When the time is up, whatever the call does then is dropped, and the error is [`TimedOut`](Error::TimedOut) with
/// [`Scope::Total`], on its way outwards through all policies between. A retry inside gives up early rather than wait
/// for an attempt that would begin too late. Never early; a result that is there in the same poll counts; with no time
/// left nothing inside begins. For several operations whose results are wanted one by one, there is
/// [`settle_until`](crate::future::settle_until).
///
/// # Cost
///
/// As [`AttemptTimeout`].
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{Error, Pipeline, Scope};
/// use std::time::Duration;
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     let users = Pipeline::named("users")
///         .deadline(Duration::from_secs(2))
///         .attempt_timeout(Duration::from_secs(5)) // of which there are only two left
///         .build(&rt)
///         .expect("it is good");
///     let result = users
///         .call(async |attempt| {
///             assert_eq!(attempt.remaining(), Duration::from_secs(2));
///             Ok::<_, std::io::Error>(rt.sleep(Duration::from_secs(60)).await)
///         })
///         .await;
///     result.unwrap_err()
/// })?;
/// assert!(matches!(run.value, Error::TimedOut { scope: Scope::Total, .. }));
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "Deadline")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TotalTimeout {
    until: Until,
    grace: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    After(Duration),
    At(Deadline),
}

impl TotalTimeout {
    /// So long for each call.
    pub const fn new(limit: Duration) -> Self {
        Self { until: Until::After(limit), grace: None }
    }

    /// Until then for all calls.
    pub const fn until(deadline: Deadline) -> Self {
        Self { until: Until::At(deadline), grace: None }
    }

    /// As [`AttemptTimeout::grace`]: the attempt that is under way when the time is up is told by its
    /// [token](Attempt::token), and has so much longer. Nothing new begins, and nobody waits longer for a turn.
    pub const fn grace(self, grace: Duration) -> Self {
        Self { grace: Some(grace), ..self }
    }

    /// Runs one operation within the limit.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`], and [`Error::Operation`] where it failed in time.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the operation's future.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::TotalTimeout;
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let hung = TotalTimeout::new(Duration::from_secs(1)).run(&rt, |_| pending::<Result<(), &str>>()).await;
    ///     assert!(hung.is_err_and(|error| error.is_timeout()));
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

    fn begin(&self, now: Instant) -> TimeLimit {
        let (at, limit) = match self.until {
            Until::After(limit) => (now + limit, limit),
            Until::At(deadline) => (deadline.instant(), deadline.remaining(now)),
        };
        TimeLimit { at, scope: Scope::Total, limit }
    }
}

impl Describe for TotalTimeout {
    fn facts(&self) -> Facts {
        match self.until {
            Until::After(limit) => Facts::limit(PolicyKind::Deadline, limit),
            Until::At(deadline) => {
                Facts::new(PolicyKind::Deadline, "", format!("at {:?}", deadline.instant()))
            }
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        match self.until {
            Until::After(limit) => limit.check("deadline", &LIMIT),
            Until::At(_) => Ok(()),
        }
    }
}

impl From<Duration> for TotalTimeout {
    fn from(limit: Duration) -> Self {
        Self::new(limit)
    }
}

impl From<Deadline> for TotalTimeout {
    fn from(deadline: Deadline) -> Self {
        Self::until(deadline)
    }
}

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct TimeoutState<S> {
        // When the first poll was.
        began: Option<Instant>,
        #[pin]
        inner: S,
    }
}

/// Goes on with what is inside, within the limit that its first poll has fixed.
macro_rules! poll_within_the_limit {
    () => {
        #[inline]
        fn start<S>(&self, inner: S) -> TimeoutState<S> {
            TimeoutState { began: None, inner }
        }

        #[inline]
        fn poll<'p, I, R, Op, Fut, C>(
            &'p self,
            inner: &'p I,
            state: Pin<&mut TimeoutState<I::State<'p, Fut>>>,
            frame: Frame<'_, E>,
            ctx: &mut Ctx<'_, R, Op, C>,
            cx: &mut Context<'_>,
        ) -> Poll<Result<T, Error<E>>>
        where
            I: Layer<T, E>,
            R: Runtime,
            Op: Operation<T, E, Fut>,
            Fut: Future,
            C: Classify<T, E>,
        {
            let this = state.project();
            let is_new = this.began.is_none();
            let began = *this.began.get_or_insert_with(|| ctx.now());
            let frame = frame.within(self.begin(began), self.grace);
            if is_new && !frame.limit.is_none() && frame.limit.at <= began {
                return Poll::Ready(Err(ctx.timed_out(frame.limit)));
            }
            inner.poll(this.inner, frame, ctx, cx)
        }
    };
}

impl<T, E> Policy<T, E> for AttemptTimeout {
    type State<'p, S> = TimeoutState<S>;

    poll_within_the_limit!();
}

impl<T, E> Policy<T, E> for TotalTimeout {
    type State<'p, S> = TimeoutState<S>;

    poll_within_the_limit!();
}
