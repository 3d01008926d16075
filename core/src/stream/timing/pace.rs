//! Items at least so far apart; none is dropped.

use super::upstream::Upstream;
use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::stream::alarm::Alarm;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pin_project! {
    /// Gives items at least so far apart, and drops none; of [`FlowExt::pace`](crate::stream::FlowExt::pace).
    ///
    /// For what takes no more than so many in a time, one by one: a printer, a screen, a service that wants pauses. With
    /// an interval of 4 ms:
    ///
    /// ```text
    ///   in  a(bc)-------d-------e|
    ///  out  a---b---c---d----e|
    /// ```
    ///
    /// | | |
    /// |---|---|
    /// | the first item | is given at once |
    /// | another one | is given an interval after the one before was given, or at once if that is over |
    /// | meanwhile | one item is held, and the source is not polled: it waits, with all that it has |
    /// | the end | comes at once, when the last item has been given |
    /// | a reader that is late | gets the next item at once, and the one after it an interval later: there is no burst to make up for it |
    /// | an interval of zero | every item is given at once |
    /// | an interval of [`Duration::MAX`] | the first item is given, and no other |
    ///
    /// As the `throttle` of `tokio-stream`, which also waits an interval before it ends; Pekko's `throttle` with a
    /// burst of one, shaping. A rate with bursts, or one that several streams share, is that of a
    /// [`RateLimiter`](crate::resilience::RateLimiter).
    /// Where items may be dropped instead, there is
    /// [`limit_emissions`](crate::stream::FlowExt::limit_emissions).
    ///
    /// # Cancel safety
    ///
    /// The item that waits is in here: dropping the future of `next` loses nothing, and dropping the operator loses
    /// it. [`into_remainder`](Self::into_remainder) gives it back.
    ///
    /// # Cost
    ///
    /// An item costs a look at the clock, and one that waits another, and a timer moved. The timer is what is allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let start = rt.now();
    ///     let paced = stream::iter(0..4).pace(&rt, Duration::from_millis(250));
    ///     paced.map(|_| (rt.now() - start).as_millis()).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [0, 250, 500, 750]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct Pace<S: Stream, R: Runtime> {
        #[pin]
        source: Upstream<S>,
        rt: R,
        timer: Alarm<R>,
        interval: Duration,
        // From when on the next item may be given.
        free: Instant,
        held: Option<S::Item>,
    }
}

impl<S: Stream, R: Runtime> Pace<S, R> {
    pub(crate) fn new(source: S, rt: &R, interval: Duration) -> Self {
        Self {
            source: Upstream::new(source),
            rt: rt.clone(),
            timer: Alarm::new(),
            interval,
            free: Instant::ORIGIN,
            held: None,
        }
    }

    /// The item that waits, which dropping would lose, and the source, if it has not ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let mut paced = stream::iter(1..=4).pace(&rt, Duration::from_secs(60));
    ///     assert_eq!(paced.next().await, Some(1));
    ///     assert!(rt.timeout(Duration::from_secs(1), paced.next()).await.is_err());
    ///     let (held, source) = paced.into_remainder();
    ///     assert_eq!(held, Some(2));
    ///     assert_eq!(source.expect("it has not ended").collect::<Vec<_>>().await, [3, 4]);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn into_remainder(self) -> (Option<S::Item>, Option<S>) {
        (self.held, self.source.into_source())
    }
}

impl<S: Stream, R: Runtime> Stream for Pace<S, R> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        if this.held.is_none() {
            let Some(item) = ready!(this.source.as_mut().poll_next(cx)) else { return Poll::Ready(None) };
            if this.interval.is_zero() {
                return Poll::Ready(Some(item));
            }
            let now = this.rt.now();
            if now >= *this.free {
                *this.free = now + *this.interval;
                return Poll::Ready(Some(item));
            }
            *this.held = Some(item);
        }
        ready!(this.timer.poll_until(this.rt, *this.free, cx));
        *this.free = this.rt.now() + *this.interval;
        Poll::Ready(this.held.take())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let held = usize::from(self.held.is_some());
        let (least, most) = self.source.size_hint();
        (least.saturating_add(held), most.and_then(|most| most.checked_add(held)))
    }
}

impl<S: Stream, R: Runtime> FusedStream for Pace<S, R> {
    fn is_terminated(&self) -> bool {
        self.source.has_ended() && self.held.is_none()
    }
}

impl<S: Stream, R: Runtime> fmt::Debug for Pace<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pace")
            .field("interval", &self.interval)
            .field("free", &self.free)
            .field("held", &self.held.is_some())
            .finish_non_exhaustive()
    }
}
