//! Items at the rate of a limiter (recipe 3.6).

use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::resilience::{Patient, RateLimiter};
use crate::runtime::Runtime;
use crate::stream::alarm::Alarm;
use crate::time::Instant;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// Each item waits for a permit of a rate limiter: the stream of
    /// [`FlowExt::rate_limit`](crate::stream::FlowExt::rate_limit).
    ///
    /// Nothing is dropped: the source waits. The limiter may be shared with other streams and with
    /// [calls](RateLimiter::run), and is first come, first served among all: a stream has one place in its queue, and
    /// takes it when it has an item. It waits there as long as it takes: the limiter's `max_wait` and `max_waiting` are
    /// for callers that can be refused.
    ///
    /// To drop what is too much instead, `limit_emissions`; for one item a period, without a burst, a
    /// [ticker](crate::time::ticker) zipped with the stream.
    ///
    /// # Slow readers
    ///
    /// Nothing is taken ahead: a permit is taken when the item is there, and the item is given at once then. What a
    /// reader didn't use is saved up, as far as the quota's burst has room.
    ///
    /// After 128 items in a row for which there were permits at once it yields, so that a timeout or a stop signal
    /// around it fires.
    ///
    /// # The end
    ///
    /// That of the source; the last item has its permit too. Errors are items, and cost a permit like others.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next item loses nothing: the item stays, with its place in the queue.
    /// Dropping the stream gives back a permit that was granted and not used, and drops the item that waited; to have
    /// that, [`into_remainder`](Self::into_remainder).
    ///
    /// # Cost
    ///
    /// A reading of the clock and a permit for each item; one timer, made with the first wait, which is an allocation, and
    /// then moved. Nothing else is allocated, but for a place in the limiter's queue, which keeps its memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = RateLimiter::new(Quota::per_second(10).burst(5)).expect("a good quota");
    ///     stream::iter(0..15).rate_limit(&rt, &limiter).count().await
    /// })?;
    /// assert_eq!(run.value, 15);
    /// assert_eq!(run.elapsed, Duration::from_secs(1)); // five at once, and ten at their rate
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct RateLimit<S: Stream, R: Runtime> {
        #[pin]
        source: S,
        // The item that waits for its permit.
        held: Option<S::Item>,
        permits: Patient,
        rt: R,
        alarm: Alarm<R>,
        budget: ReadyBudget,
        has_ended: bool,
    }
}

impl<S: Stream, R: Runtime> RateLimit<S, R> {
    pub(in crate::stream) fn new(source: S, rt: &R, limiter: &RateLimiter) -> Self {
        Self {
            source,
            held: None,
            permits: Patient::new(limiter),
            rt: rt.clone(),
            alarm: Alarm::new(),
            budget: ReadyBudget::new(),
            has_ended: false,
        }
    }

    /// The item that waits for its permit, if there is one; the source is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let limiter = RateLimiter::new(Quota::per_second(1)).expect("a good quota");
    ///     let mut mails = stream::iter(["ann", "bob", "cy"]).rate_limit(&rt, &limiter);
    ///     assert_eq!(mails.next().await, Some("ann"));
    ///     assert!(rt.timeout(Duration::from_millis(10), mails.next()).await.is_err());
    ///     assert_eq!(mails.into_remainder(), Some("bob"));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn into_remainder(self) -> Option<S::Item> {
        self.held
    }
}

impl<S: Stream, R: Runtime> Stream for RateLimit<S, R> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        if this.held.is_none() {
            if *this.has_ended {
                return Poll::Ready(None);
            }
            ready!(this.budget.poll_proceed(cx));
            let poll = this.source.as_mut().poll_next(cx);
            this.budget.note(&poll);
            match ready!(poll) {
                None => {
                    *this.has_ended = true;
                    return Poll::Ready(None);
                }
                item => *this.held = item,
            }
        }
        let mut now = this.rt.now();
        while let Err(until) = this.permits.poll(now, cx) {
            // Who is woken before looks again all the same.
            if until == Instant::MAX || this.alarm.poll_until(this.rt, until, cx).is_pending() {
                this.budget.refill();
                probe::waiting(|| this.permits.describe());
                return Poll::Pending;
            }
            // Never before the time that has come, whatever the clock says.
            now = this.rt.now().max(until);
        }
        Poll::Ready(this.held.take())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = if self.has_ended { (0, Some(0)) } else { self.source.size_hint() };
        let held = usize::from(self.held.is_some());
        (least.saturating_add(held), most.and_then(|most| most.checked_add(held)))
    }
}

impl<S: Stream, R: Runtime> FusedStream for RateLimit<S, R> {
    fn is_terminated(&self) -> bool {
        self.has_ended && self.held.is_none()
    }
}

impl<S: Stream, R: Runtime> fmt::Debug for RateLimit<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("permits", &self.permits).finish_non_exhaustive()
    }
}
