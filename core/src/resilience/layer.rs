//! How policies are stacked: each is a poll state machine over the next, and one shell drives them all.
//!
//! A call is one flat future: the states of all its policies inside one another, the operation's future in the middle.
//! What policies share goes down through `poll`, so that there is one of each for all of them: the operation, the
//! clock's reading ([`Ctx::now`] reads it at most once a poll), and the timer (policies say when they want to be
//! polled, [`Ctx::is_past`], and the shell arms its one sleep for the nearest).
//!
//! The closure's type is a parameter of `poll` and of nothing else: a state that named it could not be spawned with a
//! closure that borrows a local.

mod call;
mod optional;
mod until_cancelled;

pub(super) use call::Surroundings;
pub use call::{Alone, Call, Detailed, Root};
pub use until_cancelled::UntilCancelled;

use super::answer::{PackedSource, Source};
use super::attempt::{Attempt, Operation};
use super::error::{Cause, Error, Scope};
use super::observer::{Event, EventKind};
use super::rejected::Rejected;
use super::retry_budget::RetryBudget;
use super::verdict::{Classify, Verdict};
use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::span::{self, Spanned};
use crate::task::{CancelReason, CancelToken, DropGuard};
use pin_project_lite::pin_project;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// One policy: what it does around whatever is below it.
///
/// Sealed: it is there to be named in bounds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no policy for operations that give `Result<{T}, {E}>`",
    note = "a fallback gives values of the operation's own type, a hook takes its error"
)]
pub trait Policy<T, E>: fmt::Debug {
    /// Whether it asks for how long a call has waited: then the clock is read as it begins.
    #[doc(hidden)]
    const MEASURES_WAIT: bool = false;

    /// What a call under it keeps, around the state `S` of what is below.
    #[doc(hidden)]
    type State<'p, S>
    where
        Self: 'p;

    /// A call that has not begun. Does nothing else: no clock is read, nothing is counted.
    #[doc(hidden)]
    fn start<'p, S>(&'p self, inner: S) -> Self::State<'p, S>;

    /// Goes on with a call. Not to be called again once it was ready.
    #[doc(hidden)]
    fn poll<'p, I, R, Op, Fut, C>(
        &'p self,
        inner: &'p I,
        state: Pin<&mut Self::State<'p, I::State<'p, Fut>>>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Error<E>>>
    where
        I: Layer<T, E>,
        R: Runtime,
        Op: Operation<T, E, Fut>,
        Fut: Future,
        C: Classify<T, E>;
}

/// A stack of policies with the operation at its bottom.
///
/// Sealed: it is there to be named in bounds.
pub trait Layer<T, E>: fmt::Debug {
    /// As [`Policy::MEASURES_WAIT`], of any of its policies.
    #[doc(hidden)]
    const MEASURES_WAIT: bool;

    /// What a call keeps.
    #[doc(hidden)]
    type State<'p, Fut>
    where
        Self: 'p;

    /// As [`Policy::start`].
    #[doc(hidden)]
    fn start<'p, Fut>(&'p self) -> Self::State<'p, Fut>;

    /// As [`Policy::poll`].
    #[doc(hidden)]
    fn poll<'p, R, Op, Fut, C>(
        &'p self,
        state: Pin<&mut Self::State<'p, Fut>>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Error<E>>>
    where
        R: Runtime,
        Op: Operation<T, E, Fut>,
        Fut: Future,
        C: Classify<T, E>;
}

/// A policy over a stack.
#[derive(Clone, Copy, Debug)]
pub struct Layered<P, I> {
    pub(super) policy: P,
    pub(super) inner: I,
}

impl<T, E, P: Policy<T, E>, I: Layer<T, E>> Layer<T, E> for Layered<P, I> {
    const MEASURES_WAIT: bool = P::MEASURES_WAIT || I::MEASURES_WAIT;

    type State<'p, Fut>
        = P::State<'p, I::State<'p, Fut>>
    where
        Self: 'p;

    #[inline]
    fn start<'p, Fut>(&'p self) -> Self::State<'p, Fut> {
        self.policy.start(self.inner.start())
    }

    #[inline]
    fn poll<'p, R, Op, Fut, C>(
        &'p self,
        state: Pin<&mut Self::State<'p, Fut>>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Error<E>>>
    where
        R: Runtime,
        Op: Operation<T, E, Fut>,
        Fut: Future,
        C: Classify<T, E>,
    {
        self.policy.poll(&self.inner, state, frame, ctx, cx)
    }
}

/// No policy: the operation itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leaf;

pin_project! {
    #[doc(hidden)]
    #[derive(Debug)]
    #[project = LeafProj]
    pub enum LeafState<Fut> {
        // Not called yet.
        Idle,
        Running {
            #[pin]
            future: Spanned<Fut>,
            // Cancelled with the future, where it is dropped without a result.
            token: Option<DropGuard>,
            // Its time is up, and it was told so.
            in_grace: bool,
        },
        // Its future is dropped before anything around it learns of the end.
        Done,
    }
}

impl<T, E> Layer<T, E> for Leaf {
    const MEASURES_WAIT: bool = false;

    type State<'p, Fut> = LeafState<Fut>;

    #[inline]
    fn start<Fut>(&self) -> LeafState<Fut> {
        LeafState::Idle
    }

    #[inline]
    fn poll<R, Op, Fut, C>(
        &self,
        mut state: Pin<&mut LeafState<Fut>>,
        frame: Frame<'_, E>,
        ctx: &mut Ctx<'_, R, Op, C>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Error<E>>>
    where
        R: Runtime,
        Op: Operation<T, E, Fut>,
        Fut: Future,
        C: Classify<T, E>,
    {
        if matches!(*state, LeafState::Idle) {
            let began = if frame.limit.is_none() { Instant::ORIGIN } else { ctx.now() };
            if frame.limit.at <= began {
                state.set(LeafState::Done);
                return Poll::Ready(Err(ctx.timed_out(frame.limit)));
            }
            ctx.count_attempt(frame);
            let token = frame.has_grace.then(CancelToken::new);
            let attempt = Attempt::new(frame.attempt, frame.hedge, frame.limit.at, began, token.clone());
            let (name, number) = (ctx.around.name, frame.attempt);
            let future = span::attempt(name, number, || ctx.op.start(attempt, frame.last));
            if Op::BLOCKS {
                // It has taken its time in this very poll.
                ctx.forget_now();
            }
            let token = token.map(CancelToken::drop_guard);
            state.set(LeafState::Running { future, token, in_grace: false });
        }
        let LeafProj::Running { future, token, in_grace } = state.as_mut().project() else {
            unreachable!("it is not polled again once it was ready");
        };
        // The operation before the clock: with both ready, its result counts.
        let result = match future.poll(cx) {
            Poll::Ready(output) => match ctx.op.result(output) {
                Err(_) if *in_grace => Err(ctx.timed_out(frame.limit)),
                result => {
                    token.take().map(DropGuard::disarm);
                    result
                }
            },
            Poll::Pending if *in_grace || ctx.is_past(frame.limit.at) => {
                if !ctx.is_past(frame.hard) {
                    if let Some(token) = token
                        && !mem::replace(in_grace, true)
                    {
                        token.token().cancel_with(CancelReason::Deadline);
                    }
                    return Poll::Pending;
                }
                Err(ctx.timed_out(frame.limit))
            }
            Poll::Pending => return Poll::Pending,
        };
        state.set(LeafState::Done);
        Poll::Ready(result)
    }
}

/// What is so for the part of a call that is below a policy, handed down by value.
#[doc(hidden)]
#[derive(Debug)]
pub struct Frame<'f, E> {
    /// The nearest of the time limits around it. Whoever waits inside heeds it: so a limit is felt first by the
    /// innermost, and all policies on the way out see it as a result.
    pub(super) limit: TimeLimit,
    /// When the operation is dropped, if it is running: later than the limit where that has a grace. Of interest to
    /// the operation only; whoever else waits does so until the limit.
    hard: Instant,
    /// Whether a limit around it has a grace: then the operation has a token.
    has_grace: bool,
    /// Which attempt it is, from one.
    pub(super) attempt: u32,
    /// Which hedge of that attempt; zero for the first call.
    hedge: u32,
    /// What came of the attempt before.
    pub(super) last: Option<&'f Cause<E>>,
    /// Whether this call of the operation is counted already.
    is_counted: bool,
    /// Where what comes of the attempt is recorded by who makes the attempts.
    budget: Option<&'f RetryBudget>,
}

impl<E> Clone for Frame<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Frame<'_, E> {}

impl<'f, E> Frame<'f, E> {
    pub(super) const fn first(limit: TimeLimit) -> Self {
        Self {
            limit,
            hard: limit.at,
            has_grace: false,
            attempt: 1,
            hedge: 0,
            is_counted: false,
            last: None,
            budget: None,
        }
    }

    /// Whether a limit around it has a grace: what is under way when that passes may go on for a while.
    pub(super) const fn has_grace(&self) -> bool {
        self.has_grace
    }

    /// Whether it is the first call of the operation: no retry, and no hedge.
    pub(super) const fn is_first(&self) -> bool {
        self.attempt == 1 && self.hedge == 0
    }

    /// The same for another attempt.
    #[inline]
    pub(super) const fn at_attempt(self, attempt: u32, last: Option<&'f Cause<E>>) -> Self {
        Self { attempt, last, is_counted: self.is_counted && attempt == 1, ..self }
    }

    /// The same for a hedge, from one.
    pub(super) const fn at_hedge(self, hedge: u32) -> Self {
        Self { hedge, is_counted: false, ..self }
    }

    /// The same, where the operation counts as called.
    pub(super) const fn counted(self) -> Self {
        Self { is_counted: true, ..self }
    }

    /// The same, where this budget, if there is one, is told what comes of it.
    #[inline]
    pub(super) fn recorded_in(self, budget: Option<&'f RetryBudget>) -> Self {
        Self { budget: budget.or(self.budget), ..self }
    }

    /// Whether this budget is told already what comes of it.
    pub(super) fn is_recorded_in(&self, budget: &RetryBudget) -> bool {
        self.budget.is_some_and(|other| other.is(budget))
    }

    /// The same within another limit too: the earlier of the two, and the outer where they are the same; with so much
    /// more time for an operation that is running to clean up.
    #[inline]
    pub(super) fn within(self, limit: TimeLimit, grace: Option<Duration>) -> Self {
        let hard = self.hard.min(grace.map_or(limit.at, |grace| limit.at + grace));
        let limit = if limit.at < self.limit.at { limit } else { self.limit };
        Self { limit, hard, has_grace: self.has_grace || grace.is_some(), ..self }
    }
}

/// A limit on time: when, whose, and how long that was.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimit {
    pub(super) at: Instant,
    pub(super) scope: Scope,
    pub(super) limit: Duration,
}

impl TimeLimit {
    /// A caller's deadline; [`Instant::MAX`] is none.
    #[inline]
    pub(super) fn until(at: Instant, began: Instant) -> Self {
        let limit = if at == Instant::MAX { Duration::MAX } else { at - began };
        Self { at, scope: Scope::Total, limit }
    }

    pub(super) fn is_none(&self) -> bool {
        self.at == Instant::MAX
    }

    /// Whether this limit is what ended it.
    pub(super) fn has_ended<T, E>(
        &self,
        result: &Result<T, Error<E>>,
        now: impl FnOnce() -> Instant,
    ) -> bool {
        match result {
            Err(Error::TimedOut { scope, limit }) => {
                *scope == self.scope && *limit == self.limit && !self.is_none() && now() >= self.at
            }
            _ => false,
        }
    }

    /// Whether there is no time at all.
    pub(super) const fn is_over(&self) -> bool {
        self.limit.is_zero()
    }
}

/// What all the policies of a call share during one poll of it.
#[doc(hidden)]
pub struct Ctx<'c, R, Op, C> {
    rt: &'c R,
    op: &'c mut Op,
    around: Surroundings<'c, C>,
    account: &'c mut Account,
    // From when it has been waiting, if somebody measures that.
    waiting_since: Instant,
    // Of this poll, once somebody has asked.
    now: Option<Instant>,
    wake_at: Instant,
}

/// What the call has come to so far.
#[derive(Clone, Copy, Debug)]
struct Account {
    /// Who gave the answer, if there is one.
    answered_by: PackedSource,
    /// Calls of the operation.
    attempts: u32,
    /// How often somebody said that it is called, also of one that is counted already: whether it changes is what counts.
    calls: u32,
}

impl Account {
    const NONE: Self = Self { answered_by: PackedSource::OPERATION, attempts: 0, calls: 0 };
}

impl<R: Runtime, Op, C> Ctx<'_, R, Op, C> {
    /// Whether somebody is told of what happens.
    #[inline]
    fn is_watched(&self) -> bool {
        self.around.observer.is_some()
    }

    /// The answer is not the operation's, but this one's.
    #[inline]
    pub(super) fn answered_by(&mut self, source: Source) {
        self.account.answered_by = source.into();
    }

    /// Whose the answer is, if there is one.
    #[inline]
    pub(super) fn source(&self) -> Source {
        self.account.answered_by.into()
    }

    /// The operation is called, or it is as if it were; once, whoever says so.
    #[inline]
    pub(super) const fn count_attempt<E>(&mut self, frame: Frame<'_, E>) {
        let attempts = self.account.attempts.saturating_add(!frame.is_counted as u32);
        let calls = self.account.calls.wrapping_add(1);
        *self.account = Account { answered_by: PackedSource::OPERATION, attempts, calls };
    }

    /// Another number than before where the operation has been called since.
    #[inline]
    pub(super) const fn calls(&self) -> u32 {
        self.account.calls
    }

    /// The time of this poll: the clock is read for the first who asks.
    #[inline]
    pub(super) fn now(&mut self) -> Instant {
        *self.now.get_or_insert_with(|| self.rt.now())
    }

    /// The time, read again: for who measures how long a poll takes. Not before what this poll knew already.
    #[inline]
    pub(super) fn now_again(&mut self) -> Instant {
        let now = self.rt.now();
        *self.now.insert(self.now.map_or(now, |known| known.max(now)))
    }

    /// What this poll knew of the time is out of date: who asks next has the clock read.
    #[inline]
    pub(super) const fn forget_now(&mut self) {
        self.now = None;
    }

    /// From when the call has been waiting, for a policy that [measures](Policy::MEASURES_WAIT) that.
    #[inline]
    pub(super) const fn waiting_since(&self) -> Instant {
        self.waiting_since
    }

    /// Whether this instant has come, as far as this poll knows; if not, the call is polled again when it comes.
    ///
    /// Where nobody has read the clock in this poll, it is not read for this: if the instant has come the timer fires
    /// at once, and the poll after it knows the time.
    #[inline]
    pub(super) fn is_past(&mut self, at: Instant) -> bool {
        if self.now.is_some_and(|now| now >= at) {
            return at != Instant::MAX;
        }
        self.wake_at = self.wake_at.min(at);
        false
    }

    /// Whether the operation can be called again.
    #[inline]
    pub(super) fn is_repeatable<T, E, Fut: Future>(&self) -> bool
    where
        Op: Operation<T, E, Fut>,
    {
        self.op.is_repeatable()
    }

    /// Something else answers, and takes its time.
    #[inline]
    pub(super) fn give_back<T, E, Fut: Future>(&mut self)
    where
        Op: Operation<T, E, Fut>,
    {
        self.op.give_back();
    }

    /// The error of a time limit that was hit, and its event.
    #[cold]
    pub(super) fn timed_out<E>(&self, limit: TimeLimit) -> Error<E> {
        let TimeLimit { scope, limit, .. } = limit;
        self.emit(|| EventKind::TimedOut { scope, limit });
        Error::TimedOut { scope, limit }
    }

    /// The error of a refusal, and its event.
    #[cold]
    pub(super) fn rejected<E>(&self, rejected: Rejected) -> Error<E> {
        self.emit(|| EventKind::Rejected(rejected));
        rejected.into()
    }

    /// Tells the pipeline's observer, if it has one.
    #[inline]
    pub(super) fn emit(&self, kind: impl FnOnce() -> EventKind) {
        if let Some(observer) = self.around.observer {
            observer.on_event(&Event { source: self.around.name, kind: kind() });
        }
    }

    /// Tells the pipeline's observer of the end.
    #[cold]
    pub(super) fn completed<T, E>(&mut self, result: &Result<T, Error<E>>, started: Instant)
    where
        C: Classify<T, E>,
    {
        let (verdict, attempts) = (self.classify(result), self.account.attempts);
        let elapsed = self.now_again() - started;
        self.emit(|| EventKind::Completed { verdict, attempts, elapsed });
    }

    /// A random number, for jitter.
    #[inline]
    pub(super) fn random_u64(&self) -> u64 {
        self.rt.random_u64()
    }

    /// What a result says of the service, by the pipeline's classifier.
    #[inline]
    pub(super) fn classify<T, E>(&self, result: &Result<T, Error<E>>) -> Verdict
    where
        C: Classify<T, E>,
    {
        self.around.classifier.classify(result.as_ref())
    }

    /// The pipeline's classifier, for a policy that may have its own.
    #[inline]
    pub(super) const fn classifier(&self) -> &C {
        self.around.classifier
    }
}

impl<R, Op, C> fmt::Debug for Ctx<'_, R, Op, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx")
            .field("source", &self.around.name)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
