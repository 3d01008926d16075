//! A shutdown that runs.

use super::state::Phase;
use super::{Inner, Progress, Shutdown, ShutdownConfig, ShutdownReport};
use crate::primitives::lock;
use crate::probe;
use crate::runtime::{Runtime, Sleep};
use crate::sync::Notified;
use crate::task::cancel_token::{CancelReason, CancelledFuture};
use crate::task::roster::Kind;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pin_project! {
    /// The future of [`Shutdown::run`].
    ///
    /// It ends at the latest when [`drain`](Self::drain), [`grace`](Self::grace) and [`abort_wait`](Self::abort_wait)
    /// have passed since the first signal. The last is only used up where something doesn't come back from a poll.
    ///
    /// These are the runtime's timers, which it has to drive: tokio's stand still while tasks block all of its threads.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RunShutdown<'a, R: Runtime, S> {
        shutdown: &'a Shutdown<R>,
        config: ShutdownConfig,
        // The runtime has had a turn since the abort.
        has_yielded: bool,
        // `None` when it has ended.
        #[pin]
        signals: Option<S>,
        // Its next signal is the second. Another run's don't count: they may be the same.
        has_heard: bool,
        #[pin]
        stop: CancelledFuture<'a>,
        #[pin]
        force: CancelledFuture<'a>,
        #[pin]
        change: Notified<'a>,
        #[pin]
        timer: Option<R::Sleep>,
        reason: Option<CancelReason>,
        has_ended: bool,
    }
}

impl<'a, R: Runtime, S> RunShutdown<'a, R, S> {
    pub(super) fn new(shutdown: &'a Shutdown<R>, signals: S) -> Self {
        let inner = shutdown.inner();
        Self {
            shutdown,
            config: ShutdownConfig::new(),
            has_yielded: false,
            signals: Some(signals),
            has_heard: lock(&inner.progress).has_heard,
            stop: inner.stop.cancelled(),
            force: inner.force.cancelled(),
            change: inner.change.notified(),
            timer: None,
            reason: None,
            has_ended: false,
        }
    }

    /// All limits on its time, in place of those there were.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::{task::{Shutdown, ShutdownConfig}, testing::Sim};
    /// use futures::stream;
    /// use std::{future::pending, time::Duration};
    ///
    /// let mut config = ShutdownConfig::default();
    /// config.drain = Duration::from_secs(1); // and then five seconds of grace
    /// let run = Sim::builder().run(|rt| async move {
    ///     let shutdown = Shutdown::new(&rt);
    ///     shutdown.spawn(pending()).unwrap();
    ///     shutdown.run(stream::iter(["SIGTERM"])).config(config).await;
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_secs(6));
    /// # Ok::<(), backstay::testing::Failure>(())
    /// ```
    pub const fn config(mut self, config: ShutdownConfig) -> Self {
        self.config = config;
        self
    }

    /// The limits, as they are now.
    pub const fn as_config(&self) -> &ShutdownConfig {
        &self.config
    }

    /// How long work in progress may go on to its end: 10 seconds, if nothing else is said.
    pub const fn drain(mut self, drain: Duration) -> Self {
        self.config.drain = drain;
        self
    }

    /// How long it may take to end once it is cancelled: 5 seconds, if nothing else is said.
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.config.grace = grace;
        self
    }

    /// How long what was aborted may take to be gone: 100 milliseconds, if nothing else is said.
    ///
    /// A task that waits is dropped as soon as the runtime comes to it, in microseconds; one that is being polled has
    /// to come back first. From outside a poll that goes on can't be told from one that never ends: that it is said to
    /// block is a matter of time, and this is the time. The default is a thousand times what a poll should take, leaves
    /// room for many destructors and a busy machine, and counts for little beside the limits of whoever sends SIGKILL.
    ///
    /// It ends as soon as all have gone. What has not by then is in the report: in
    /// [`still_blocking`](ShutdownReport::still_blocking) what is being polled, in
    /// [`still_aborting`](ShutdownReport::still_aborting) what the runtime has not come to. With zero, it has one turn.
    pub const fn abort_wait(mut self, wait: Duration) -> Self {
        self.config.abort_wait = wait;
        self
    }
}

impl<R, S> Future for RunShutdown<'_, R, S>
where
    R: Runtime,
    S: Stream<Item: Into<CancelReason>>,
{
    type Output = ShutdownReport;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<ShutdownReport> {
        let mut this = self.project();
        assert!(!*this.has_ended, "a shutdown was polled after it gave its report");
        let inner = this.shutdown.inner();
        while let Some(signals) = this.signals.as_mut().as_pin_mut() {
            match signals.poll_next(cx) {
                Poll::Ready(Some(signal)) => inner.hear(signal.into(), this.has_heard),
                Poll::Ready(None) => this.signals.set(None),
                Poll::Pending => break,
            }
            if inner.force.is_cancelled() {
                break;
            }
        }
        if this.reason.is_none()
            && let Poll::Ready(reason) = this.stop.poll(cx)
        {
            *this.reason = Some(reason);
        }
        let Some(reason) = this.reason.as_ref() else {
            probe::waiting(|| "a signal to shut down".to_owned());
            return Poll::Pending;
        };
        let force = inner.force.is_cancelled() || this.force.poll(cx).is_ready();
        let waker = Waker::from(Arc::clone(inner));
        loop {
            // First: what changes from here on is not missed.
            if this.change.as_mut().poll(cx).is_ready() {
                this.change.set(inner.change.notified());
                continue;
            }
            let now = inner.rt.now();
            let until = {
                let mut progress = lock(&inner.progress);
                let machine = &mut progress.machine;
                machine.begin(now, this.config.drain);
                // One phase at a time: what belongs to each is done.
                if !(force && machine.force(now, this.config.abort_wait)) {
                    machine.advance(now, this.config.grace, this.config.abort_wait);
                }
                machine.until()
            };
            let phase = inner.enter();
            if phase == Phase::Over || inner.has_ended(phase, &waker) {
                *this.has_ended = true;
                return Poll::Ready(inner.report(reason.clone()));
            }
            match this.timer.as_mut().as_pin_mut() {
                Some(timer) => timer.reset(until),
                None => this.timer.set(Some(inner.rt.sleep_until(until))),
            }
            let Some(Poll::Ready(())) = this.timer.as_mut().as_pin_mut().map(|timer| timer.poll(cx)) else {
                break;
            };
            if phase == Phase::Aborting && !mem::replace(this.has_yielded, true) {
                cx.waker().wake_by_ref();
                break;
            }
        }
        probe::waiting(|| format!("{} tasks to shut down", inner.roster.counts().running));
        Poll::Pending
    }
}

impl<R: Runtime> Inner<R> {
    /// The first signal stops, the second forces.
    fn hear(&self, signal: CancelReason, has_heard: &mut bool) {
        if mem::replace(has_heard, true) {
            self.force.cancel();
        } else {
            lock(&self.progress).has_heard = true;
            self.stop.cancel_with(signal);
        }
    }

    /// Does what belongs to the phase, and tells which it is.
    fn enter(&self) -> Phase {
        let phase = lock(&self.progress).machine.phase();
        self.roster.refuse();
        if phase >= Phase::Cancelling {
            self.token.cancel_with(self.stop.reason().unwrap_or(CancelReason::Explicit));
        }
        if phase >= Phase::Aborting {
            self.roster.refuse_shielded();
            self.roster.tell_all(|kind| kind != Kind::Rest);
        }
        phase
    }

    /// Whether there is nobody left to wait for; else the waker is woken when there isn't.
    fn has_ended(&self, phase: Phase, waker: &Waker) -> bool {
        // In this order: the last may end in between.
        self.roster.close_if_idle(waker) || phase == Phase::Aborting && self.roster.has_only_blocking()
    }

    fn report(&self, reason: CancelReason) -> ShutdownReport {
        self.roster.close();
        let (running, counts, now) = (self.roster.running(), self.roster.counts(), self.rt.now());
        let Progress { machine, lists, .. } = &mut *lock(&self.progress);
        machine.idle();
        lists.report(machine, reason, now, running, counts.not_started)
    }
}

impl<R: Runtime, S> fmt::Debug for RunShutdown<'_, R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunShutdown")
            .field("drain", &self.config.drain)
            .field("grace", &self.config.grace)
            .field("abort_wait", &self.config.abort_wait)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}
