//! Attempts one after the other.

use super::Retry;
use super::hook::{OnRetry, Retrying};
use super::state::{Progress, record};
use crate::instant::Instant;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::resilience::attempt::Operation;
use crate::resilience::error::{Cause, Error, Scope, Stop};
use crate::resilience::layer::{Ctx, Frame, Layer, Policy, TimeLimit};
use crate::resilience::observer::EventKind;
use crate::resilience::rejected::Rejected;
use crate::resilience::retry_budget::Withdrawal;
use crate::resilience::verdict::{Classify, Verdict};
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct Attempts<'p, E, S> {
        // The attempt that runs, or the next one, which has not begun. Dropped before what was taken for it.
        #[pin]
        inner: S,
        outer: Outer<'p, E>,
    }
}

/// What is kept from attempt to attempt.
#[derive(Debug)]
struct Outer<'p, E> {
    progress: Progress,
    // How many attempts have called the operation, and whether this one has.
    tried: u32,
    has_called: bool,
    // When the next attempt begins, while it is waited for.
    wake_at: Option<Instant>,
    // What came of the last attempt that came to anything.
    last: Option<Cause<E>>,
    // What was taken for the attempt that runs or comes next.
    withdrawal: Option<Withdrawal<'p>>,
    // Of attempts that failed at once and were followed at once.
    ready: ReadyBudget,
}

impl<T, E, D, H> Policy<T, E> for Retry<D, H>
where
    D: Classify<T, E>,
    H: OnRetry<T, E>,
{
    type State<'p, S>
        = Attempts<'p, E, S>
    where
        Self: 'p;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> Attempts<'p, E, S> {
        let outer = Outer {
            progress: Progress::new(None),
            tried: 0,
            has_called: false,
            wake_at: None,
            last: None,
            withdrawal: None,
            ready: ReadyBudget::new(),
        };
        Attempts { inner, outer }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut Attempts<'p, E, I::State<'p, Fut>>>,
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
        let mut this = state.project();
        let outer = this.outer;
        if (self.limits.config.max_elapsed.is_some() || Op::BLOCKS) && outer.progress.started.is_none() {
            outer.progress.started = Some(ctx.now());
        }
        loop {
            if let Some(at) = outer.wake_at {
                if !ctx.is_past(at) {
                    probe::waiting(|| format!("attempt {} of a retry", outer.progress.attempt));
                    return Poll::Pending;
                }
                outer.wake_at = None;
                // It may have been polled late.
                if outer.progress.is_too_late(&self.limits, || ctx.now())
                    && let Some(last) = outer.last.take()
                {
                    outer.withdrawal = None;
                    return Poll::Ready(Err(exhausted(last, outer, Stop::MaxElapsed, ctx)));
                }
            }
            let within = frame
                .at_attempt(outer.progress.attempt, outer.last.as_ref())
                .recorded_in(self.limits.budget.as_ref());
            let calls = ctx.calls();
            let poll = inner.poll(this.inner.as_mut(), within, ctx, cx);
            if ctx.calls() != calls && !outer.has_called {
                outer.has_called = true;
                outer.tried = outer.tried.saturating_add(1);
            }
            let Poll::Ready(result) = poll else {
                outer.ready.refill();
                outer.progress.started.get_or_insert_with(|| ctx.now());
                return Poll::Pending;
            };
            let verdict = self.classifier.classify_within(ctx.classifier(), result.as_ref());
            if matches!(verdict, Verdict::Success) {
                self.record(outer, verdict, ctx);
                return Poll::Ready(result);
            }
            if let ControlFlow::Break(result) =
                self.after::<T, E, R, Op, Fut, C>(result, verdict, outer, frame.limit, ctx)
            {
                return Poll::Ready(result);
            }
            // At once, so that nothing of the last attempt is held during the delay.
            this.inner.set(inner.start());
            if outer.wake_at.is_none() {
                outer.ready.spend();
                if outer.ready.poll_proceed(cx).is_pending() {
                    return Poll::Pending;
                }
            }
        }
    }
}

impl<D, H> Retry<D, H> {
    /// After an attempt that was no success: whether there is another.
    #[cold]
    fn after<'p, T, E, R: Runtime, Op, Fut: Future, C>(
        &'p self,
        result: Result<T, Error<E>>,
        verdict: Verdict,
        outer: &mut Outer<'p, E>,
        limit: TimeLimit,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) -> ControlFlow<Result<T, Error<E>>>
    where
        H: OnRetry<T, E>,
        Op: Operation<T, E, Fut>,
    {
        // Who wanted the call to stop wants no other attempt, whatever a classifier makes of that.
        if matches!(result, Err(Error::Cancelled)) {
            self.record(outer, Verdict::Ignore, ctx);
            return ControlFlow::Break(result);
        }
        if limit.has_ended(&result, || ctx.now()) {
            self.record(outer, verdict, ctx);
            return ControlFlow::Break(keep_last(result, outer, Stop::Deadline, ctx));
        }
        if !ctx.is_repeatable::<T, E, Fut>() {
            self.record(outer, verdict, ctx);
            return ControlFlow::Break(result);
        }
        let refusal = result.as_ref().err().filter(|error| error.is_refusal());
        // Whatever a classifier makes of that.
        let is_of_budget = refusal.and_then(Error::rejected).is_some_and(Rejected::is_of_budget);
        let planned = match verdict {
            _ if is_of_budget => Err(Stop::Budget),
            Verdict::Failure { retry_after, cost } => {
                self.record(outer, verdict, ctx);
                let hint = retry_after.max(refusal.and_then(Error::retry_after));
                self.plan(outer, hint, limit, ctx).and_then(|delay| {
                    let timeout = result.as_ref().err().is_some_and(Error::is_timeout);
                    self.pay(outer, cost, timeout, ctx).map(|()| delay)
                })
            }
            // The service was not asked: what was taken for this attempt is there for the next.
            Verdict::Ignore if refusal.is_some() => match refusal.and_then(Error::retry_after) {
                Some(hint) if limit.at != Instant::MAX || self.limits.config.max_elapsed.is_some() => {
                    self.plan(outer, Some(hint), limit, ctx)
                }
                _ => Err(Stop::Refused),
            },
            _ => {
                self.record(outer, verdict, ctx);
                return ControlFlow::Break(result);
            }
        };
        match planned {
            Ok(delay) => {
                let attempt = outer.progress.attempt;
                self.hook.on_retry(&Retrying { attempt, delay, outcome: result.as_ref() });
                ctx.emit(|| EventKind::Retrying { attempt, delay });
                outer.progress.go_on();
                outer.has_called = false;
                if let Err(error) = result {
                    keep(&mut outer.last, error);
                }
                ControlFlow::Continue(())
            }
            Err(_) if verdict == Verdict::Ignore || is_of_budget => {
                outer.withdrawal = None;
                let why = if is_of_budget { Stop::Budget } else { Stop::Refused };
                ControlFlow::Break(keep_last(result, outer, why, ctx))
            }
            Err(why) => ControlFlow::Break(give_up(result, outer, why, ctx)),
        }
    }

    /// Tells the budget what came of an attempt. If it never came to call the operation, the service was not asked,
    /// whoever ended it: what was taken for it comes back.
    fn record<E, R: Runtime, Op, C>(
        &self,
        outer: &mut Outer<'_, E>,
        verdict: Verdict,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) {
        let verdict = if outer.has_called { verdict } else { Verdict::Ignore };
        record(&self.limits, &mut outer.withdrawal, verdict, || ctx.now());
    }

    /// The delay until the next attempt, if there can be one; when that is, is noted.
    fn plan<E, R: Runtime, Op, C>(
        &self,
        outer: &mut Outer<'_, E>,
        hint: Option<Duration>,
        limit: TimeLimit,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) -> Result<Duration, Stop> {
        let random = if self.limits.config.backoff.is_random() { ctx.random_u64() } else { 0 };
        let delay = outer.progress.plan(&self.limits, hint, random)?;
        // At once, and for as often as there are attempts: nobody asks for the time.
        if delay.is_zero() && limit.is_none() && self.limits.config.max_elapsed.is_none() {
            // The attempt may have taken its time in this very poll, and a limit inside begins with the next.
            ctx.forget_now();
            return Ok(delay);
        }
        let now = ctx.now_again();
        outer.progress.started.get_or_insert(now);
        let at = outer.progress.fits(&self.limits, delay, now, limit.at)?;
        outer.wake_at = (!delay.is_zero()).then_some(at);
        Ok(delay)
    }

    fn pay<'p, E, R: Runtime, Op, C>(
        &'p self,
        outer: &mut Outer<'p, E>,
        cost: u32,
        timeout: bool,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) -> Result<(), Stop> {
        let Some(budget) = &self.limits.budget else { return Ok(()) };
        let now = if budget.needs_now() { ctx.now() } else { Instant::ORIGIN };
        outer.withdrawal = Some(budget.withdraw(cost, timeout, now).ok_or(Stop::Budget)?);
        Ok(())
    }
}

/// Whether the operation was called.
const fn came_to_something<E>(cause: &Cause<E>) -> bool {
    !matches!(cause, Cause::Rejected(_) | Cause::TimedOut { scope: Scope::Queue, .. })
}

/// An attempt that came to nothing does not hide what came of one before.
fn keep<E>(last: &mut Option<Cause<E>>, error: Error<E>) {
    if let Some(cause) = error.into_cause()
        && (last.is_none() || came_to_something(&cause))
    {
        *last = Some(cause);
    }
}

/// The result as it is, unless an attempt before it has come to something.
fn keep_last<T, E, R: Runtime, Op, C>(
    result: Result<T, Error<E>>,
    outer: &mut Outer<'_, E>,
    why: Stop,
    ctx: &mut Ctx<'_, R, Op, C>,
) -> Result<T, Error<E>> {
    match outer.last.take() {
        Some(last) if came_to_something(&last) => Err(exhausted(last, outer, why, ctx)),
        _ => result,
    }
}

/// A failure with no other attempt after it.
fn give_up<T, E, R: Runtime, Op, C>(
    result: Result<T, Error<E>>,
    outer: &mut Outer<'_, E>,
    why: Stop,
    ctx: &mut Ctx<'_, R, Op, C>,
) -> Result<T, Error<E>> {
    match result {
        Ok(value) => {
            ctx.emit(|| EventKind::RetriesExhausted { attempts: outer.tried, why });
            Ok(value)
        }
        Err(error) => {
            keep(&mut outer.last, error);
            // It is no failure of anybody where there is no cause.
            Err(match outer.last.take() {
                Some(last) => exhausted(last, outer, why, ctx),
                None => Error::Cancelled,
            })
        }
    }
}

fn exhausted<E, R: Runtime, Op, C>(
    last: Cause<E>,
    outer: &Outer<'_, E>,
    why: Stop,
    ctx: &mut Ctx<'_, R, Op, C>,
) -> Error<E> {
    let attempts = outer.tried;
    ctx.emit(|| EventKind::RetriesExhausted { attempts, why });
    let elapsed = outer.progress.elapsed(ctx.now_again());
    Error::RetriesExhausted { attempts, elapsed, why, last }
}
