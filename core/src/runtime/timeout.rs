//! A limit on a future's time.

use super::Runtime;
use crate::instant::Instant;
use pin_project_lite::pin_project;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The limit of a timeout has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time limit has passed")
    }
}

impl Error for Elapsed {}

pin_project! {
    /// The future of [`Runtime::timeout`] and [`Runtime::timeout_at`].
    ///
    /// Its size is that of the future and of the runtime's sleep: until the future is pending, the sleep's
    /// place holds the limit.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Timeout<F, R: Runtime> {
        #[pin]
        future: F,
        #[pin]
        timer: Timer<R, R::Sleep>,
    }
}

pin_project! {
    #[project = TimerProj]
    enum Timer<R, S> {
        // The future has not been pending yet: no clock was read, no timer made.
        Idle { rt: R, limit: Limit },
        Armed { #[pin] sleep: S },
    }
}

#[derive(Clone, Copy, Debug)]
enum Limit {
    After(Duration),
    At(Instant),
}

impl<F, R: Runtime> Timeout<F, R> {
    /// What [`Runtime::timeout`] returns; for runtimes that wrap another.
    pub fn after(rt: R, limit: Duration, future: F) -> Self {
        Self { future, timer: Timer::Idle { rt, limit: Limit::After(limit) } }
    }

    /// What [`Runtime::timeout_at`] returns; for runtimes that wrap another.
    pub fn at(rt: R, at: Instant, future: F) -> Self {
        Self { future, timer: Timer::Idle { rt, limit: Limit::At(at) } }
    }

    /// The future, given back.
    pub fn into_inner(self) -> F {
        self.future
    }

    /// The future, in its place.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }

    /// Whether its instant has come before its first poll.
    pub(crate) fn is_late(&self) -> bool {
        match &self.timer {
            Timer::Idle { limit: Limit::At(Instant::MAX), .. } | Timer::Armed { .. } => false,
            Timer::Idle { rt, limit: Limit::At(at) } => rt.now() >= *at,
            Timer::Idle { limit: Limit::After(limit), .. } => limit.is_zero(),
        }
    }
}

impl<F: Future, R: Runtime> Future for Timeout<F, R> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(value) = this.future.poll(cx) {
            return Poll::Ready(Ok(value));
        }
        ready!(this.timer.poll_elapsed(cx));
        Poll::Ready(Err(Elapsed))
    }
}

impl<R: Runtime> Timer<R, R::Sleep> {
    fn poll_elapsed(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let TimerProj::Idle { rt, limit } = self.as_mut().project() {
            let sleep = match *limit {
                Limit::After(Duration::ZERO) => return Poll::Ready(()),
                Limit::At(Instant::MAX) => return Poll::Pending,
                Limit::After(limit) => rt.sleep(limit),
                Limit::At(at) => rt.sleep_until(at),
            };
            self.set(Timer::Armed { sleep });
        }
        match self.project() {
            TimerProj::Armed { sleep } => sleep.poll(cx),
            TimerProj::Idle { .. } => unreachable!("armed above"),
        }
    }
}

impl<F: fmt::Debug, R: Runtime> fmt::Debug for Timeout<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("future", &self.future).finish_non_exhaustive()
    }
}
