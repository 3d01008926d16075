//! Several calls of the operation at a time.

use super::Hedge;
use super::latencies::Latency;
use super::plan::{Next, Plan};
use crate::instant::Instant;
use crate::resilience::answer::Source;
use crate::resilience::attempt::Operation;
use crate::resilience::describe::{Describe, Facts};
use crate::resilience::error::Error;
use crate::resilience::layer::{Ctx, Frame, Layer, Policy, TimeLimit};
use crate::resilience::observer::{EventKind, HedgeCause};
use crate::resilience::rejected::PolicyKind;
use crate::resilience::retry_budget::{RetryBudget, Withdrawal};
use crate::resilience::verdict::{Classify, Verdict};
use crate::runtime::Runtime;
use pin_project_lite::pin_project;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct Hedged<'p, T, E, S> {
        // The first call of the operation; none once it has ended.
        #[pin]
        first: Option<S>,
        // The hedges, in the order in which they began.
        others: Vec<Branch<'p, S>>,
        course: Course<T, E>,
    }
}

/// One that has begun after the first.
#[derive(Debug)]
struct Branch<'p, S> {
    // None once it has ended. Dropped before what was taken for it goes back.
    state: Option<Pin<Box<S>>>,
    has_called: bool,
    withdrawal: Option<Withdrawal<'p>>,
}

/// What a call has come to.
#[derive(Debug)]
struct Course<T, E> {
    plan: Plan,
    // Whether the first has called the operation, and when, if that is measured.
    has_called: bool,
    began: Option<Instant>,
    // What the end of the first is to a budget; none until then.
    first: Option<Verdict>,
    // What begins the next.
    why: Why,
    // What is returned if nobody succeeds: the last failure of one that called the operation; and whose it is.
    failure: Option<(Result<T, Error<E>>, Verdict, Source)>,
}

/// Why there is another, and so what it costs.
#[derive(Clone, Copy, Debug)]
struct Why {
    cause: HedgeCause,
    cost: u32,
    timeout: bool,
}

impl Why {
    const DELAY: Self = Self { cause: HedgeCause::Delay, cost: 1, timeout: false };
}

impl<C> Describe for Hedge<C> {
    fn facts(&self) -> Facts {
        let settings = format!("at most {} after {}", self.max_hedges, self.delays);
        Facts::new(PolicyKind::Hedge, "", settings)
    }
}

impl<T, E, D: Classify<T, E>> Policy<T, E> for Hedge<D> {
    type State<'p, S>
        = Hedged<'p, T, E, S>
    where
        Self: 'p;

    #[inline]
    fn start<'p, S>(&'p self, inner: S) -> Hedged<'p, T, E, S> {
        let course = Course {
            plan: Plan::new(),
            has_called: false,
            began: None,
            first: None,
            why: Why::DELAY,
            failure: None,
        };
        Hedged { first: Some(inner), others: Vec::new(), course }
    }

    #[inline]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut Hedged<'p, T, E, I::State<'p, Fut>>>,
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
        let (others, course) = (this.others, this.course);
        // Each has one turn, the oldest first: of two that are ready its result counts.
        if let Some(first) = this.first.as_mut().as_pin_mut() {
            let calls = ctx.calls();
            // Another of them may have had an answer from somebody else.
            ctx.answered_by(Source::Operation);
            if Op::BLOCKS && !course.has_called {
                self.begins(course, ctx);
            }
            let poll = inner.poll(first, frame, ctx, cx);
            course.has_called |= ctx.calls() != calls;
            match poll {
                Poll::Pending => {
                    if course.has_called && course.began.is_none() {
                        self.begins(course, ctx);
                    }
                }
                Poll::Ready(result) => {
                    this.first.set(None);
                    let verdict = self.classifier.classify_within(ctx.classifier(), result.as_ref());
                    if verdict == Verdict::Success {
                        self.learn(course, Latency::Ended, ctx);
                    } else if result.as_ref().is_err_and(Error::is_timeout) {
                        self.learn(course, Latency::CutOff, ctx);
                    }
                    self.record(
                        course,
                        if course.has_called { verdict } else { Verdict::Ignore },
                        frame,
                        ctx,
                    );
                    if let ControlFlow::Break(end) =
                        course.after(result, verdict, course.has_called, frame, ctx)
                    {
                        return Poll::Ready(self.end(course, others, end, frame, ctx));
                    }
                }
            }
        }
        let mut turn = 0;
        loop {
            while let Some(hedge) = others.get_mut(turn) {
                turn += 1;
                let Some(state) = &mut hedge.state else { continue };
                let (number, calls) = (turn as u32, ctx.calls());
                ctx.answered_by(Source::Operation);
                let poll = inner.poll(state.as_mut(), frame.at_hedge(number), ctx, cx);
                hedge.has_called |= ctx.calls() != calls;
                let Poll::Ready(result) = poll else { continue };
                hedge.state = None;
                let verdict = self.classifier.classify_within(ctx.classifier(), result.as_ref());
                let has_called = hedge.has_called;
                // The retry records the success.
                let is_recorded = verdict == Verdict::Success && self.is_recorded(frame);
                hedge.settle(verdict, is_recorded);
                let ControlFlow::Break(end) = course.after(result, verdict, has_called, frame, ctx) else {
                    continue;
                };
                if this.first.is_some() {
                    this.first.set(None);
                    self.learn(course, Latency::CutOff, ctx);
                }
                if verdict == Verdict::Success {
                    ctx.emit(|| EventKind::HedgeWon { hedge: number });
                }
                return Poll::Ready(self.end(course, others, end, frame, ctx));
            }
            let is_under_way = this.first.is_some() || others.iter().any(|hedge| hedge.state.is_some());
            let last_has_called = others.last().map_or(course.has_called, |hedge| hedge.has_called);
            if self.is_time::<T, E, R, Op, Fut, C>(course, last_has_called, frame.limit, ctx)
                && let Some(withdrawal) = self.pay(course, ctx)
            {
                let hedge = course.begin(ctx);
                debug_assert_eq!(hedge as usize, others.len() + 1);
                others.push(Branch { state: Some(Box::pin(inner.start())), has_called: false, withdrawal });
            } else if is_under_way {
                return Poll::Pending;
            } else {
                // If there is a time to wait for, that is a retry's.
                let Some((result, verdict, source)) = course.failure.take() else {
                    unreachable!("all have ended, and none of them well");
                };
                ctx.answered_by(source);
                return Poll::Ready(self.end(course, others, (result, verdict), frame, ctx));
            }
        }
    }
}

impl<D> Hedge<D> {
    /// Whether the next begins now. If it does later, the call is polled then.
    fn is_time<T, E, R: Runtime, Op, Fut: Future, C>(
        &self,
        course: &mut Course<T, E>,
        last_has_called: bool,
        limit: TimeLimit,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) -> bool
    where
        Op: Operation<T, E, Fut>,
    {
        if course.plan.hedges() >= self.max_hedges {
            return false;
        }
        if course.plan.next() == Next::AfterDelay && last_has_called {
            let delay = self.delays.before(course.plan.hedges() + 1);
            course.plan.wait(ctx.now(), delay);
        }
        let is_time = match course.plan.next() {
            // The last one waits for its turn inside, or there is no other.
            Next::AfterDelay | Next::Never => false,
            Next::AtOnce => true,
            Next::At(at) => ctx.is_past(at),
        };
        // In the grace of a limit nothing begins.
        is_time && ctx.is_repeatable::<T, E, Fut>() && (limit.is_none() || ctx.now() < limit.at)
    }

    /// What is taken for the next, if there is a budget; `None` if that has nothing left: then there is no other.
    fn pay<T, E, R: Runtime, Op, C>(
        &self,
        course: &mut Course<T, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) -> Option<Option<Withdrawal<'_>>> {
        let Some(budget) = &self.budget else { return Some(None) };
        let withdrawal = budget.withdraw(course.why.cost, course.why.timeout, time_for(budget, ctx));
        if withdrawal.is_none() {
            course.plan.close();
        }
        withdrawal.map(Some)
    }

    /// The first calls the operation about now.
    #[inline]
    fn begins<T, E, R: Runtime, Op, C>(&self, course: &mut Course<T, E>, ctx: &mut Ctx<'_, R, Op, C>) {
        if self.delays.latencies().is_some() {
            course.began = Some(ctx.now());
        }
    }

    /// The first has taken until now.
    #[inline]
    fn learn<T, E, R: Runtime, Op, C>(
        &self,
        course: &Course<T, E>,
        latency: fn(Duration) -> Latency,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) {
        if let Some(latencies) = self.delays.latencies()
            && course.has_called
        {
            let now = ctx.now();
            let time = course.began.map_or(Duration::ZERO, |began| now - began);
            latencies.record(latency(time), now);
        }
    }

    /// The end of a call: nothing of it is left, and what came of it is recorded.
    #[inline]
    fn end<T, E, R: Runtime, Op, C>(
        &self,
        course: &mut Course<T, E>,
        hedges: &mut Vec<Branch<'_, impl Sized>>,
        (result, verdict): (Result<T, Error<E>>, Verdict),
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) -> Result<T, Error<E>> {
        for mut hedge in hedges.drain(..) {
            // It was overtaken: asked for, and of no use.
            hedge.settle(Verdict::Fatal, false);
        }
        match (course.first, &self.budget) {
            // So was the first.
            (None, _) => self.record(course, Verdict::Fatal, frame, ctx),
            // The retry sees the success alone.
            (Some(first @ Verdict::Failure { .. }), Some(budget))
                if verdict == Verdict::Success && self.is_recorded(frame) =>
            {
                budget.record_one(first);
            }
            _ => {}
        }
        result
    }

    /// Whether a retry around it has the same budget, and records in that what comes of it all.
    fn is_recorded<E>(&self, frame: Frame<'_, E>) -> bool {
        self.budget.as_ref().is_some_and(|budget| frame.is_recorded_in(budget))
    }

    /// What the first has come to: as of a first attempt, unless a retry records that.
    #[inline]
    fn record<T, E, R: Runtime, Op, C>(
        &self,
        course: &mut Course<T, E>,
        verdict: Verdict,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) {
        course.first = Some(verdict);
        if let Some(budget) = &self.budget
            && !self.is_recorded(frame)
        {
            budget.record(verdict, time_for(budget, ctx));
        }
    }
}

impl<T, E> Course<T, E> {
    /// After one of them: whether that is the end, and if not, what comes of it.
    fn after<R: Runtime, Op, C>(
        &mut self,
        result: Result<T, Error<E>>,
        verdict: Verdict,
        has_called: bool,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
    ) -> ControlFlow<(Result<T, Error<E>>, Verdict)> {
        let is_refusal = result.as_ref().is_err_and(Error::is_refusal);
        let (retry_after, cost) = match verdict {
            // Who wanted the call to stop wants no other, whatever a classifier makes of that.
            _ if matches!(result, Err(Error::Cancelled)) => return ControlFlow::Break((result, verdict)),
            Verdict::Failure { retry_after, cost } => (retry_after, cost),
            // A policy's of ours, whatever a classifier thinks of that; or that of one target.
            _ if is_refusal && (!has_called || verdict == Verdict::Ignore) => (None, 1),
            Verdict::Success | Verdict::Fatal | Verdict::Ignore => {
                return ControlFlow::Break((result, verdict));
            }
        };
        if frame.limit.has_ended(&result, || ctx.now()) {
            if !frame.has_grace() {
                return ControlFlow::Break((result, verdict));
            }
            // The others have theirs still.
            self.failure = Some((result, verdict, Source::Operation));
            return ControlFlow::Continue(());
        }
        if has_called {
            let timeout = result.as_ref().is_err_and(Error::is_timeout);
            self.why = Why { cause: HedgeCause::Failure, cost, timeout };
            self.plan.failed(retry_after, || ctx.now());
        } else {
            self.plan.close();
        }
        if has_called || self.failure.is_none() {
            self.failure = Some((result, verdict, ctx.source()));
        }
        ControlFlow::Continue(())
    }

    /// Another begins; which.
    fn begin<R: Runtime, Op, C>(&mut self, ctx: &Ctx<'_, R, Op, C>) -> u32 {
        let cause = mem::replace(&mut self.why, Why::DELAY).cause;
        let hedge = self.plan.begin();
        ctx.emit(|| EventKind::Hedging { hedge, cause });
        hedge
    }
}

impl<S> Branch<'_, S> {
    /// What was taken for it is spent, unless it was not used or a success brings it back.
    fn settle(&mut self, verdict: Verdict, is_recorded: bool) {
        let verdict = if self.has_called { verdict } else { Verdict::Ignore };
        match self.withdrawal.take() {
            Some(withdrawal) if is_recorded => withdrawal.settle(verdict),
            Some(withdrawal) => withdrawal.record(verdict),
            None => {}
        }
    }
}

fn time_for<R: Runtime, Op, C>(budget: &RetryBudget, ctx: &mut Ctx<'_, R, Op, C>) -> Instant {
    if budget.needs_now() { ctx.now() } else { Instant::ORIGIN }
}
