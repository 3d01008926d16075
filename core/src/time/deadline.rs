//! A point in time that several steps share (recipe 8.3).

use super::{Elapsed, Instant, Timeout};
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// When something has to be done: an instant, handed on to whoever does a part of it.
///
/// A limit that is a duration starts anew in each function it is handed to, and the parts add up. A deadline is the
/// same point in time for all of them: eight bytes, `Copy`, to be passed by value beside the request. Whoever has a
/// limit of its own takes the [earlier](Self::earlier) of the two, and so can never outlast who asked.
///
/// It stands still: it cancels nothing by itself. [`run`](Self::run) limits a future by it,
/// [`Call::within`](crate::resilience::Call::within) a call of a pipeline, and
/// [`CancelToken::with_deadline`](crate::task::CancelToken::with_deadline) a tree of work, at its
/// [`instant`](Self::instant). For several operations of which each that came in time is to be had, there is
/// [`settle_until`](crate::future::settle_until).
///
/// To send it to another process, send what [remains](Self::remaining), and make a new one there: clocks differ.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::time::{Deadline, Elapsed};
/// use std::time::Duration;
///
/// /// The second of two steps has what the first has left.
/// async fn both<R: Runtime>(rt: &R, deadline: Deadline) -> Result<(), Elapsed> {
///     deadline.run(rt, rt.sleep(Duration::from_millis(700))).await?;
///     assert_eq!(deadline.remaining(rt.now()), Duration::from_millis(300));
///     // At most 500 ms, and never longer than who asked has.
///     let query = deadline.earlier(Deadline::after(rt, Duration::from_millis(500)));
///     query.run(rt, rt.sleep(Duration::from_millis(700))).await
/// }
///
/// let run = Sim::builder().run(|rt: Sim| async move {
///     both(&rt, Deadline::after(&rt, Duration::from_secs(1))).await
/// })?;
/// assert_eq!((run.value, run.elapsed), (Err(Elapsed), Duration::from_secs(1)));
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "context.WithDeadline")]
#[doc(alias = "CancelAfter")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// No deadline.
    pub const NEVER: Self = Self(Instant::MAX);

    /// So long from now; [`NEVER`](Self::NEVER) where that is out of range.
    pub fn after<R: Runtime>(rt: &R, limit: Duration) -> Self {
        Self(rt.now() + limit)
    }

    /// At this instant of the runtime's clock.
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The instant; [`Instant::MAX`] if there is no deadline.
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// Whether it is [`NEVER`](Self::NEVER).
    pub fn is_never(self) -> bool {
        self == Self::NEVER
    }

    /// The earlier of the two: that of a step inside of another.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }

    /// How long it is from `now` until then: zero if it has passed, [`Duration::MAX`] if there is none.
    pub fn remaining(self, now: Instant) -> Duration {
        if self.is_never() { Duration::MAX } else { self.0 - now }
    }

    /// Whether it has passed: from the instant on.
    pub fn has_passed(self, now: Instant) -> bool {
        !self.is_never() && now >= self.0
    }

    /// Runs a future until then.
    ///
    /// **If it has passed when this is first polled, the future never is**, unlike with
    /// [`timeout_at`](Runtime::timeout_at), which polls its future once in any case. After that a value wins over the
    /// deadline where both are there, and the deadline is never early.
    ///
    /// # Errors
    ///
    /// [`Elapsed`]; the future is dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the future, and nothing else is lost.
    ///
    /// # Cost
    ///
    /// One reading of the clock, and a timer when the future is pending. Without a deadline, the future alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::time::{Deadline, Elapsed};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let deadline = Deadline::at(rt.now());
    ///     let work = async { unreachable!("it is too late to begin") };
    ///     assert_eq!(deadline.run(&rt, work).await, Err::<(), _>(Elapsed));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn run<R: Runtime, F: Future>(self, rt: &R, future: F) -> UntilDeadline<F, R> {
        UntilDeadline { timeout: Timeout::at(rt.clone(), self.0, future) }
    }
}

/// No deadline.
impl Default for Deadline {
    fn default() -> Self {
        Self::NEVER
    }
}

impl From<Instant> for Deadline {
    fn from(instant: Instant) -> Self {
        Self(instant)
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deadline").field(&self.0).finish()
    }
}

pin_project! {
    /// The future of [`Deadline::run`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct UntilDeadline<F, R: Runtime> {
        #[pin]
        timeout: Timeout<F, R>,
    }
}

impl<F: Future, R: Runtime> Future for UntilDeadline<F, R> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let timeout = self.project().timeout;
        if timeout.is_late() {
            return Poll::Ready(Err(Elapsed));
        }
        timeout.poll(cx)
    }
}
