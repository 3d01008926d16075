//! At most one item in each interval; the others are dropped.

use super::window::{Window, Windowed, windowed};
use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::stream::dropped::DropCount;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::time::Duration;

/// Which item of an interval [`FlowExt::limit_emissions`](crate::stream::FlowExt::limit_emissions) gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Edge {
    /// The first, at once.
    Leading,
    /// The last, at the interval's end.
    Trailing,
    /// The first, at once, and the last of those after it, at the interval's end.
    Both,
}

pin_project! {
    /// At most one item in each interval; the others are dropped. Of
    /// [`FlowExt::limit_emissions`](crate::stream::FlowExt::limit_emissions).
    ///
    /// Two items are never given less than an interval apart. With an interval of 5 ms:
    ///
    /// ```text
    ///        in  abc----------d-e--------f|
    ///   Leading  a------------d----------f|
    ///  Trailing  -----c------------e----------(f|)
    ///      Both  a----c-------d----e-----f|
    /// ```
    ///
    /// | | |
    /// |---|---|
    /// | an item while no interval runs | begins one. Leading and both: it is given at once. Trailing: it is held |
    /// | an item in an interval | leading: is dropped. Trailing and both: is held, and takes the place of the one before |
    /// | the interval's end | what is held is given, and begins the next interval |
    /// | an item just at the interval's end | takes the place of the one held, and is given. Where none is held, it begins an interval of its own |
    /// | an item after the interval's end, at which nobody polled | the one held is given, and begins an interval, of which this is an item |
    /// | the end | with an item held: when that is given, at the interval's end. Else at once |
    /// | an interval of zero | every item is given at once |
    /// | an interval of [`Duration::MAX`] | the first is given (leading, both), and at the end the last (trailing, both): there is no interval's end to wait for |
    ///
    /// What is dropped is counted in [`dropped`](Self::dropped). An interval begins when an item is **given**, so that
    /// a reader that takes it late gets the next one later too.
    ///
    /// As the `throttleTime` of RxJS 7, with its `leading` and `trailing`. The name is another because `throttle`
    /// in `tokio-stream` delays, and drops nothing: that is [`pace`](crate::stream::FlowExt::pace).
    ///
    /// # Cancel safety
    ///
    /// The item held is in here: dropping the future of `next` loses nothing, and dropping the operator loses it.
    /// [`into_remainder`](Self::into_remainder) gives it back.
    ///
    /// # Cost
    ///
    /// An item costs a look at the clock. `Edge::Leading` needs no timer; the others move theirs once an interval.
    /// It and the count of dropped items are what is allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::{Edge, FlowExt};
    /// use backstay::testing::{Failure, Sim};
    /// use backstay::time::ticker;
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let steps = ticker(&rt, Duration::from_millis(30)).build().unwrap().enumerate().map(|(step, _)| step);
    ///     let limited = steps.take(10).limit_emissions(&rt, Duration::from_millis(100), Edge::Both);
    ///     limited.collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [0, 3, 6, 9]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct LimitEmissions<S: Stream, R: Runtime> {
        #[pin]
        inner: Windowed<S, R, Interval<S::Item>>,
    }
}

impl<S: Stream, R: Runtime> LimitEmissions<S, R> {
    pub(crate) fn new(source: S, rt: &R, interval: Duration, edge: Edge) -> Self {
        let window =
            Interval { length: interval, edge, until: None, held: None, dropped: DropCount::default() };
        Self { inner: Windowed::new(source, rt, window) }
    }

    /// The item that is held until the interval's end, which dropping would lose.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::stream::{Edge, FlowExt};
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let source = stream::iter([1, 2, 3]).chain(stream::pending());
    ///     let mut limited = source.limit_emissions(&rt, Duration::from_secs(60), Edge::Both);
    ///     assert_eq!(limited.next().await, Some(1));
    ///     assert!(rt.timeout(Duration::from_secs(1), limited.next()).await.is_err());
    ///     assert_eq!(limited.into_remainder(), Some(3));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn into_remainder(self) -> Option<S::Item> {
        self.inner.into_window().held
    }
}

windowed!(LimitEmissions<S, R>);

/// | interval | held | an item at `now` |
/// |---|---|---|
/// | none, or over by now | nothing | begins an interval: given, or held if only trailing |
/// | until now or later | something | takes its place |
/// | until later | nothing | held, or dropped if only leading |
/// | over before now | something | held; the other is given, and begins an interval |
struct Interval<T> {
    length: Duration,
    edge: Edge,
    until: Option<Instant>,
    held: Option<T>,
    dropped: DropCount,
}

impl<T> Interval<T> {
    const fn dropped(&self) -> &DropCount {
        &self.dropped
    }

    fn begin(&mut self, now: Instant) {
        self.until = Some(now + self.length);
    }
}

impl<T> Window for Interval<T> {
    type Item = T;

    fn take(&mut self, item: T, now: Instant) -> Option<T> {
        if self.length.is_zero() {
            return Some(item);
        }
        if let Some(until) = self.until
            && (now < until || (now == until && self.held.is_some()))
        {
            if self.edge == Edge::Leading {
                self.dropped.count();
                return None;
            }
            let before = self.held.replace(item);
            if before.is_some() {
                self.dropped.count();
            }
            return None;
        }
        self.begin(now);
        if self.held.is_some() || self.edge == Edge::Trailing { self.held.replace(item) } else { Some(item) }
    }

    fn due(&self) -> Option<Instant> {
        self.held.as_ref().and(self.until)
    }

    fn fire(&mut self, now: Instant) -> Option<T> {
        self.begin(now);
        self.held.take()
    }

    fn tail(&mut self, _: Instant) -> Option<T> {
        if self.until == Some(Instant::MAX) { self.held.take() } else { None }
    }

    fn held(&self) -> usize {
        usize::from(self.held.is_some())
    }

    fn least(&self, more: bool) -> usize {
        let is_certain = self.edge != Edge::Leading || self.until.is_none();
        self.held().max(usize::from(more && is_certain))
    }
}
