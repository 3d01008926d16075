//! The latest item of each period.

use super::latest::Latest;
use super::window::{Window, Windowed};
use crate::instant::{Instant, nanos};
use crate::runtime::Runtime;
use crate::stream::dropped::DropCount;
use futures_core::{FusedStream, Stream};
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

pin_project! {
    /// At each tick of a steady clock, the latest item that is new; of
    /// [`FlowExt::sample`](crate::stream::FlowExt::sample).
    ///
    /// For a view of what changes faster than anybody can look. With a period of 5 ms:
    ///
    /// ```text
    ///   in  ab-c---d-----------e----f-|
    ///  out  -----c----d---------e----f|
    /// ```
    ///
    /// | | |
    /// |---|---|
    /// | the ticks | a period after the first poll, and a period after each other, without drift |
    /// | an item | takes the place of the one before, which is dropped, and counted in [`dropped`](Self::dropped) |
    /// | nothing new since the last tick | nothing is given, and no timer is set |
    /// | an item just at a tick | belongs to it: it comes first |
    /// | an item after a tick at which nobody polled | the one held is given, and this one waits for the next tick |
    /// | the end | comes at once; **the item that waits for its tick is dropped**, and counted, unless there is [`emit_last`](Self::emit_last). At the tick itself it is given |
    /// | a period of zero | every item is given at once |
    /// | a period of [`Duration::MAX`] | nothing is given, or with `emit_last` the last item |
    ///
    /// So do the `sampleTime` of RxJS, the `sample` of RxJava, whose `emitLast` it has, and the `sample` of Kotlin.
    /// A reader that is late gets the item late, and the next one at the next tick, which may be soon: what must be
    /// apart goes through [`limit_emissions`](crate::stream::FlowExt::limit_emissions).
    ///
    /// # Cancel safety
    ///
    /// The latest item is in here: dropping the future of `next` loses nothing, and dropping the operator loses it.
    /// [`into_remainder`](Self::into_remainder) gives it back.
    ///
    /// # Cost
    ///
    /// An item costs a look at the clock, a period with items a timer moved; the timer and the count of
    /// dropped items are what is allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use backstay::time::ticker;
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let steps = ticker(&rt, Duration::from_millis(110)).build().unwrap().enumerate().map(|(step, _)| step);
    ///     steps.take(10).sample(&rt, Duration::from_millis(200)).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [1, 3, 5, 7]); // the last comes at 990 ms, with the end, and before the tick at 1,000
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct Sample<S: Stream, R: Runtime> {
        #[pin]
        inner: Windowed<S, R, Grid<S::Item>>,
    }
}

impl<S: Stream, R: Runtime> Sample<S, R> {
    pub(crate) fn new(source: S, rt: &R, period: Duration) -> Self {
        let window = Grid { start: None, period, emit_last: false, latest: Latest::new() };
        Self { inner: Windowed::new(source, rt, window) }
    }

    /// Gives the item that waits for its tick at the end, instead of dropping it.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let second = Duration::from_secs(1);
    ///     let without: Vec<_> = stream::iter(0..10).sample(&rt, second).collect().await;
    ///     let with: Vec<_> = stream::iter(0..10).sample(&rt, second).emit_last().collect().await;
    ///     (without, with)
    /// })?;
    /// assert_eq!(run.value, (vec![], vec![9]));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "emitLast")]
    pub const fn emit_last(mut self) -> Self {
        self.inner.window_mut().emit_last = true;
        self
    }

    /// How many items it has dropped so far.
    pub fn dropped(&self) -> u64 {
        self.inner.window().latest.dropped().get()
    }

    /// The count of dropped items, to be kept where the operator disappears in a chain of others.
    pub fn drop_count(&self) -> DropCount {
        self.inner.window().latest.dropped().clone()
    }

    /// The item that waits for its tick, which dropping would lose.
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
    ///     let mut shown = stream::iter([1, 2, 3]).chain(stream::pending()).sample(&rt, Duration::from_secs(60));
    ///     assert!(rt.timeout(Duration::from_secs(1), shown.next()).await.is_err());
    ///     assert_eq!(shown.into_remainder(), Some(3));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn into_remainder(self) -> Option<S::Item> {
        self.inner.into_window().latest.give()
    }
}

impl<S: Stream, R: Runtime> Stream for Sample<S, R> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut inner = self.project().inner;
        if inner.window().start.is_none() {
            let now = inner.runtime().now();
            inner.as_mut().pinned_window().start = Some(now);
        }
        inner.poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl<S: Stream, R: Runtime> FusedStream for Sample<S, R> {
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl<S: Stream, R: Runtime> fmt::Debug for Sample<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sample")
            .field("held", &self.inner.window().held())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

/// Ticks a period apart, counted from the first poll.
struct Grid<T> {
    start: Option<Instant>,
    period: Duration,
    emit_last: bool,
    latest: Latest<T>,
}

/// The first tick at `now` or later. Before a period has passed there is none.
fn tick(start: Instant, period: Duration, now: Instant) -> Instant {
    let period = nanos(period).max(1);
    let periods = nanos(now - start).div_ceil(period).max(1);
    start + Duration::from_nanos(periods.saturating_mul(period))
}

impl<T> Window for Grid<T> {
    type Item = T;

    fn take(&mut self, item: T, now: Instant) -> Option<T> {
        if self.period.is_zero() {
            return Some(item);
        }
        let (start, period) = (self.start.unwrap_or(now), self.period);
        self.latest.take(item, now, || tick(start, period, now))
    }

    fn due(&self) -> Option<Instant> {
        self.latest.due()
    }

    fn fire(&mut self, _: Instant) -> Option<T> {
        self.latest.give()
    }

    fn tail(&mut self, now: Instant) -> Option<T> {
        if self.emit_last || self.due().is_some_and(|due| due <= now) {
            return self.latest.give();
        }
        self.latest.discard();
        None
    }

    fn held(&self) -> usize {
        self.latest.held()
    }

    fn least(&self, more: bool) -> usize {
        if self.emit_last || self.period.is_zero() { self.held().max(usize::from(more)) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s20_ticks_are_a_period_apart_and_never_overflow() {
        let at = Instant::from_nanos;
        // `(start, period, now, tick)`
        let rows = [
            (10, 5, 10, 15),
            (10, 5, 11, 15),
            (10, 5, 15, 15),
            (10, 5, 16, 20),
            (10, 5, 20, 20),
            (0, 7, 7_000_001, 7_000_007),
            (10, u64::MAX, 11, u64::MAX),
            (10, 1 << 63, 1 << 63, 10 + (1 << 63)),
            (10, 1 << 63, 11 + (1 << 63), u64::MAX),
            (0, 1, u64::MAX, u64::MAX),
        ];
        for (start, period, now, expected) in rows {
            let found = tick(at(start), Duration::from_nanos(period), at(now));
            assert_eq!(found, at(expected), "{start}, {period}, {now}");
        }
    }
}
