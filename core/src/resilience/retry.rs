//! Another attempt after a failure (recipes 1.5, 6.2 and 8.2).

mod config;
mod describe;
mod future;
mod hook;
mod owned;
mod state;

pub use config::{RetryBuilder, RetryConfig};
pub use hook::{NoHook, OnRetry, Retrying};
pub(crate) use owned::OwnedRetry;
pub use state::{Next, RetryState};

use super::attempt::{Attempt, Blocking, Operation, WithLast};
use super::error::{Cause, Error};
use super::layer::{Alone, Call, Surroundings};
use super::verdict::{Classify, Inherit};
use crate::instant::Instant;
use crate::runtime::Runtime;
use state::Limits;
use std::fmt;

/// Another attempt after a failure, and another, until it succeeds or a limit is reached.
///
/// What a failure is says the [classifier](Classify): by default every error of the operation, and every attempt that
/// ran out of time. It sees values too, so that an HTTP response of status 503 is a failure if it says so.
///
/// | verdict | what happens |
/// |---|---|
/// | `Success` | the result is returned |
/// | `Failure` | after a delay there is another attempt, unless a limit forbids it |
/// | `Fatal`, `Ignore` | the result is returned as it is |
///
/// Where a limit forbids it, [`RetriesExhausted`](super::Error::RetriesExhausted) says which, and has the last error; a
/// value that is a failure is returned as the value it is. Each of these holds whatever the service asks for:
///
/// | limit | |
/// |---|---|
/// | `max_attempts` | the first one counts: with one there is no retry |
/// | `max_elapsed` | from the first attempt on: no other is waited for that would begin after it; one that runs, or waits for its turn inside, is not cut off |
/// | the deadline around it | no attempt begins at or after it, and none is waited for that would |
/// | the [budget](super::RetryBudget) | among all calls that share it |
/// | `max_retry_after` | of a service that wants to be left alone for longer, nothing more is asked |
///
/// A delay is that of the [`Backoff`](super::Backoff), or what the service asks for
/// ([`Verdict::after`](super::Verdict::after)) if that is longer; then the jitter comes on top of it and never makes it
/// shorter. [`Duration::MAX`](std::time::Duration::MAX) asks for no retry at all. A delay of zero touches no timer.
///
/// An [operation](super::Operation) that can't be repeated is not: what came of it is returned as it is. Nor is one that
/// somebody has [stopped](super::Error::Cancelled), whatever its verdict.
///
/// A refusal by a policy inside, such as an open circuit breaker, is only tried again if the refusal says when to come
/// back, and that is before a deadline or `max_elapsed`; with neither, it is returned at once. If an attempt before it
/// has failed, that failure is what is returned, with [`Stop::Refused`](super::Stop::Refused). The same is so for an
/// attempt that the deadline cuts off: the error of the one before is worth more than another "too late".
///
/// # Cancel safety
///
/// Dropped while an attempt runs, that attempt is dropped; dropped between two attempts, there is no next one. What
/// was taken from a budget is given back.
///
/// # Cost
///
/// A first attempt that succeeds at once reads no clock and allocates nothing; with `max_elapsed` or a
/// [ratio budget](super::RetryBudget::ratio) it reads the clock once.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{Backoff, Jitter, Retry};
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let retry = Retry::builder()
///         .max_attempts(4)
///         .backoff(Backoff::exponential(Duration::from_millis(100)).jitter(Jitter::None))
///         .build()
///         .expect("the numbers make sense");
///
///     let start = rt.now();
///     let result = retry
///         .run(&rt, async |attempt| match attempt.number() {
///             1 | 2 => Err("connection refused"),
///             number => Ok(number),
///         })
///         .await;
///     assert_eq!(result, Ok(3));
///     assert_eq!(rt.now() - start, Duration::from_millis(100 + 200));
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Clone)]
pub struct Retry<C = Inherit, H = NoHook> {
    limits: Limits,
    classifier: C,
    hook: H,
}

impl Retry {
    /// A policy in the making, with [these defaults](RetryBuilder).
    pub const fn builder() -> RetryBuilder {
        RetryBuilder::new()
    }
}

impl<C, H> Retry<C, H> {
    /// Runs an operation until it succeeds or a limit is reached.
    ///
    /// # Errors
    ///
    /// [`RetriesExhausted`](super::Error::RetriesExhausted) where it gave up, [`Operation`](super::Error::Operation)
    /// where another attempt would not have helped.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the attempt that is under way, or ends the delay; what a budget gave for it goes back.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::Retry;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let result = Retry::default().run(&rt, async |attempt| attempt.is_retry().then_some(7).ok_or("busy")).await;
    ///     assert_eq!(result, Ok(7));
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
        C: Classify<T, E>,
        H: OnRetry<T, E>,
        Op: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// As [`run`](Self::run), with an operation that is also shown the last error: `None` at the first attempt.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Cause, Retry};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let retry = Retry::builder().build().expect("the defaults make sense");
    ///     let mut token = "old";
    ///     let result = retry
    ///         .run_with_last(&rt, |_, last| {
    ///             if let Some(Cause::Operation("token expired")) = last {
    ///                 token = "new";
    ///             }
    ///             std::future::ready(if token == "new" { Ok(200) } else { Err("token expired") })
    ///         })
    ///         .await;
    ///     assert_eq!(result, Ok(200));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn run_with_last<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, WithLast<Op>, Fut, T, E>
    where
        R: Runtime,
        C: Classify<T, E>,
        H: OnRetry<T, E>,
        Op: FnMut(Attempt, Option<&Cause<E>>) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, WithLast(op))
    }

    /// Runs an operation that blocks, on this thread, until it succeeds or a limit is reached; between two attempts the
    /// thread is blocked. It is [`run`](Self::run) by [`Runtime::block_thread`], for a
    /// [blocking job](Runtime::spawn_blocking) or a thread of the program's, and never in async code.
    ///
    /// For a token that ends it between two attempts, it is
    /// `rt.block_thread(retry.run_operation(&rt, Blocking(op)).until_cancelled(&token))`.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// If the operation does: then what a budget gave goes back. As [`Runtime::block_thread`].
    ///
    /// # Cost
    ///
    /// A first attempt that succeeds reads the clock once, and allocates nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::{BlockOn, Config};
    /// use backstay_core::resilience::{Backoff, Retry};
    /// use std::time::Duration;
    ///
    /// let owner = backstay_tokio::TokioOwner::new(Config::new())?;
    /// let retry = Retry::builder().backoff(Backoff::constant(Duration::from_millis(1))).build()?;
    /// let mut calls = 0;
    /// let result = retry.run_blocking(owner.runtime(), |_| {
    ///     calls += 1;
    ///     if calls < 3 { Err("busy") } else { Ok(calls) }
    /// });
    /// assert_eq!(result, Ok(3));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn run_blocking<R, T, E, Op>(&self, rt: &R, op: Op) -> Result<T, Error<E>>
    where
        R: Runtime,
        C: Classify<T, E>,
        H: OnRetry<T, E>,
        Op: FnMut(Attempt) -> Result<T, E>,
    {
        rt.block_thread(self.run_operation(rt, Blocking(op)))
    }

    /// As [`run`](Self::run), of an [`Operation`] of any kind: a [`Blocking`] one, one that is
    /// [`Nested`](super::Nested), a type of your own.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    pub fn run_operation<'p, R, T, E, Op, Fut>(
        &'p self,
        rt: &'p R,
        op: Op,
    ) -> Call<'p, R, Alone<'p, Self>, Inherit, Op, Fut, T, E>
    where
        R: Runtime,
        C: Classify<T, E>,
        H: OnRetry<T, E>,
        Op: Operation<T, E, Fut>,
        Fut: Future,
    {
        Call::new(rt, Alone(self), Surroundings::NONE, op)
    }

    /// The decisions alone, for code that waits by itself: a loop that blocks its thread, a client with callbacks. Its
    /// first attempt begins now.
    ///
    /// The classifier and the hook are not asked: verdicts are passed in.
    pub const fn state(&self, now: Instant) -> RetryState<'_> {
        RetryState::new(&self.limits, now)
    }
}

impl Default for Retry {
    /// With [these settings](RetryBuilder).
    fn default() -> Self {
        RetryBuilder::new().made()
    }
}

impl<C, H> fmt::Debug for Retry<C, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.limits.fmt(f)
    }
}
