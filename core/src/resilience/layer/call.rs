//! The shell around a stack of policies: the operation, the clock and the one timer.

use super::{Account, Ctx, Frame, Layer, Leaf, Policy, TimeLimit};
use crate::instant::Instant;
use crate::ready_budget::ReadyBudget;
use crate::resilience::answer::Answer;
use crate::resilience::attempt::Operation;
use crate::resilience::error::Error;
use crate::resilience::observer::Observer;
use crate::resilience::verdict::{Classify, Inherit};
use crate::runtime::Runtime;
use crate::time::{Deadline, Timer};
use pin_project_lite::pin_project;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a call goes through: a borrowed stack, or a policy alone.
///
/// Sealed: it is there to be named in bounds.
pub trait Root<T, E>: Copy {
    #[doc(hidden)]
    const MEASURES_WAIT: bool;

    #[doc(hidden)]
    type State<Fut>;

    #[doc(hidden)]
    fn start<Fut>(self) -> Self::State<Fut>;

    #[doc(hidden)]
    fn poll<R, Op, Fut, C>(
        self,
        state: Pin<&mut Self::State<Fut>>,
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

impl<'p, T, E, L: Layer<T, E>> Root<T, E> for &'p L {
    const MEASURES_WAIT: bool = L::MEASURES_WAIT;

    type State<Fut> = L::State<'p, Fut>;

    #[inline]
    fn start<Fut>(self) -> Self::State<Fut> {
        L::start(self)
    }

    #[inline]
    fn poll<R, Op, Fut, C>(
        self,
        state: Pin<&mut Self::State<Fut>>,
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
        L::poll(self, state, frame, ctx, cx)
    }
}

/// A policy alone, over nothing but the operation.
#[derive(Debug)]
pub struct Alone<'p, P>(pub(in crate::resilience) &'p P);

impl<P> Clone for Alone<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Alone<'_, P> {}

impl<'p, T, E, P: Policy<T, E>> Root<T, E> for Alone<'p, P> {
    const MEASURES_WAIT: bool = P::MEASURES_WAIT;

    type State<Fut> = P::State<'p, <Leaf as Layer<T, E>>::State<'p, Fut>>;

    #[inline]
    fn start<Fut>(self) -> Self::State<Fut> {
        self.0.start(<Leaf as Layer<T, E>>::start(&Leaf))
    }

    #[inline]
    fn poll<R, Op, Fut, C>(
        self,
        state: Pin<&mut Self::State<Fut>>,
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
        self.0.poll(&Leaf, state, frame, ctx, cx)
    }
}

pin_project! {
    /// The future of a call under a policy, or under a pipeline of them.
    ///
    /// Nothing happens before it is polled: no place is taken, no attempt counted, no clock read.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it gives back what its policies hold, in this order: the operation's future is
    /// dropped, then each policy lets go, from the inside out. What that means for each is said there.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Call<'p, R, H, C, Op, Fut, T, E>
    where
        R: Runtime,
        H: Root<T, E>,
    {
        rt: &'p R,
        root: H,
        around: Surroundings<'p, C>,
        op: Op,
        // The reading of the clock that the first poll was given.
        now: Option<Instant>,
        // The caller's.
        deadline: Instant,
        // From when its request has been waiting, if the caller knows.
        arrived: Instant,
        // When the first poll was, if there is a deadline, or somebody watches or measures the wait.
        began: Instant,
        account: Account,
        // Made in its place by the first poll: a call that is moved there carries none of it.
        #[pin]
        state: Option<H::State<Fut>>,
        #[pin]
        timer: Timer<R::Sleep>,
        result: PhantomData<fn() -> (T, E)>,
    }
}

/// What a call has from the pipeline around it.
pub(in crate::resilience) struct Surroundings<'p, C> {
    pub(in crate::resilience) name: &'static str,
    pub(in crate::resilience) classifier: &'p C,
    pub(in crate::resilience) observer: Option<&'p dyn Observer>,
}

impl<C> Clone for Surroundings<'_, C> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Surroundings<'_, C> {}

impl Surroundings<'static, Inherit> {
    /// Of a policy alone.
    pub(in crate::resilience) const NONE: Self = Self { name: "", classifier: &Inherit, observer: None };
}

impl<'p, R, H, C, Op, Fut, T, E> Call<'p, R, H, C, Op, Fut, T, E>
where
    R: Runtime,
    H: Root<T, E>,
{
    #[inline]
    pub(in crate::resilience) fn new(rt: &'p R, root: H, around: Surroundings<'p, C>, op: Op) -> Self {
        Self {
            rt,
            root,
            around,
            op,
            now: None,
            deadline: Instant::MAX,
            arrived: Instant::MAX,
            began: Instant::ORIGIN,
            account: Account::NONE,
            state: None,
            timer: Timer::new(),
            result: PhantomData,
        }
    }

    /// The same, with the time at its first poll given: for who has just read the clock, which costs more than most
    /// policies do.
    #[inline]
    pub fn starting_at(mut self, now: Instant) -> Self {
        self.now = Some(now);
        self
    }

    /// The same within a deadline of the caller's: it has no longer than until then, whatever its own limits are. Said
    /// again, the earlier deadline counts.
    ///
    /// A call that is polled first when the deadline has passed ends there: no policy sees it, nothing is called. The
    /// error is [`TimedOut`](Error::TimedOut) with [`Scope::Total`](crate::resilience::Scope::Total) and how long it
    /// had, counted from its first poll.
    ///
    /// # Errors
    ///
    /// Those of the call, and that one.
    ///
    /// # Cancel safety
    ///
    /// As the call's.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Error, Pipeline, Scope};
    /// use backstay_core::time::Deadline;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let users = Pipeline::named("users").deadline(Duration::from_secs(2)).build(&rt).expect("it is good");
    ///     // The request that this is a part of has a second left.
    ///     let deadline = Deadline::after(&rt, Duration::from_secs(1));
    ///     let slow = async |_| Ok::<_, std::io::Error>(rt.sleep(Duration::from_secs(60)).await);
    ///     let error = users.call(slow).within(deadline).await.unwrap_err();
    ///     assert!(matches!(error, Error::TimedOut { scope: Scope::Total, limit } if limit.as_secs() == 1));
    ///     assert!(deadline.has_passed(rt.now()));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[inline]
    pub fn within(mut self, deadline: Deadline) -> Self {
        self.deadline = self.deadline.min(deadline.instant());
        self
    }

    /// The same for a request that has been waiting since then, and not only since the first poll: in a channel, in the
    /// queue of an executor. It is what a [`LoadShed`](crate::resilience::LoadShed) goes by, and nothing else does. Said
    /// again, the earlier counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{LoadShed, Pipeline};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let shed = LoadShed::named("orders").build().expect("it is good");
    ///     let orders = Pipeline::named("orders").load_shed(&shed).build(&rt).expect("it is good");
    ///     let arrived = rt.now(); // read with the request
    ///     rt.sleep(Duration::from_millis(3)).await; // its turn comes
    ///     let op = async |_| Ok::<_, std::io::Error>(());
    ///     orders.call(op).waiting_since(arrived).await.expect("that is not long");
    ///     assert_eq!(shed.metrics(rt.now()).shortest_wait, Duration::from_millis(3));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[inline]
    pub fn waiting_since(mut self, arrived: Instant) -> Self {
        self.arrived = self.arrived.min(arrived);
        self
    }

    /// The same, whose answer says where it comes from and how many attempts it took.
    ///
    /// # Errors
    ///
    /// Those of the call.
    ///
    /// # Cancel safety
    ///
    /// As the call's.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Fallback, Pipeline, Source};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let users = Pipeline::named("users").fallback(Fallback::value("nobody")).build(&rt).expect("it is good");
    ///     let answer = users.call(async |_| Err("out of order")).detailed().await?;
    ///     assert_eq!((answer.value, answer.source, answer.attempts), ("nobody", Source::Fallback, 1));
    ///     Ok::<_, backstay_core::resilience::Error<&str>>(())
    /// })?.value.expect("there is an answer");
    /// # Ok::<(), Failure>(())
    /// ```
    #[inline]
    pub fn detailed(self) -> Detailed<'p, R, H, C, Op, Fut, T, E> {
        Detailed { call: self }
    }
}

impl<R, H, C, Op, Fut, T, E> Future for Call<'_, R, H, C, Op, Fut, T, E>
where
    R: Runtime,
    H: Root<T, E>,
    Op: Operation<T, E, Fut>,
    Fut: Future,
    C: Classify<T, E>,
{
    type Output = Result<T, Error<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Of waits that were over at once: a delay of a nanosecond is, on a real clock.
        let mut ready = ReadyBudget::<32>::new();
        loop {
            let mut ctx = Ctx {
                rt: *this.rt,
                op: this.op,
                around: *this.around,
                account: this.account,
                waiting_since: *this.arrived,
                now: this.now.take(),
                wake_at: Instant::MAX,
            };
            if this.state.is_none() {
                this.state.set(Some(this.root.start()));
                if *this.deadline != Instant::MAX || H::MEASURES_WAIT || ctx.is_watched() {
                    *this.began = ctx.now();
                }
                if H::MEASURES_WAIT {
                    *this.arrived = (*this.arrived).min(*this.began);
                    ctx.waiting_since = *this.arrived;
                }
            }
            let limit = TimeLimit::until(*this.deadline, *this.began);
            let poll = match this.state.as_mut().as_pin_mut() {
                Some(state) if !limit.is_over() => this.root.poll(state, Frame::first(limit), &mut ctx, cx),
                _ => Poll::Ready(Err(ctx.timed_out(limit))),
            };
            if let Poll::Ready(result) = &poll
                && ctx.is_watched()
            {
                ctx.completed(result, *this.began);
            }
            let wake_at = ctx.wake_at;
            if poll.is_ready() || wake_at == Instant::MAX {
                return poll;
            }
            if this.timer.as_mut().poll_until(*this.rt, wake_at, cx).is_pending() {
                return Poll::Pending;
            }
            ready.spend();
            if ready.poll_proceed(cx).is_pending() {
                return Poll::Pending;
            }
            // Never before the instant that has come, whatever the clock says.
            *this.now = Some(this.rt.now().max(wake_at));
        }
    }
}

pin_project! {
    /// The future of [`Call::detailed`].
    ///
    /// # Cancel safety
    ///
    /// As [`Call`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Detailed<'p, R, H, C, Op, Fut, T, E>
    where
        R: Runtime,
        H: Root<T, E>,
    {
        #[pin]
        call: Call<'p, R, H, C, Op, Fut, T, E>,
    }
}

impl<R, H, C, Op, Fut, T, E> Future for Detailed<'_, R, H, C, Op, Fut, T, E>
where
    R: Runtime,
    H: Root<T, E>,
    Op: Operation<T, E, Fut>,
    Fut: Future,
    C: Classify<T, E>,
{
    type Output = Result<Answer<T>, Error<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut call = self.project().call;
        call.as_mut().poll(cx).map_ok(|value| {
            let Account { answered_by, attempts, .. } = call.account;
            Answer { value, source: answered_by.into(), attempts }
        })
    }
}

impl<R, H, C, Op, Fut, T, E> fmt::Debug for Call<'_, R, H, C, Op, Fut, T, E>
where
    R: Runtime,
    H: Root<T, E>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("attempts", &self.account.attempts).finish_non_exhaustive()
    }
}
