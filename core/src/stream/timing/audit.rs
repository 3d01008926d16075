//! The latest item of a window that the first one opens.

use super::latest::Latest;
use super::window::{Window, Windowed, windowed};
use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::stream::dropped::DropCount;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::time::Duration;

pin_project! {
    /// An item opens a window, and at its end the latest item is given; of
    /// [`FlowExt::audit`](crate::stream::FlowExt::audit).
    ///
    /// For what must be shown soon, but not too often, and up to date: progress, a cursor, a state. With a window of
    /// 4 ms:
    ///
    /// ```text
    ///   in  abc-----d-----e|
    ///  out  ----c-------d-----(e|)
    /// ```
    ///
    /// | | |
    /// |---|---|
    /// | the first item after a window | opens the next one |
    /// | a later item of a window | takes the place of the one before, which is dropped, and counted in [`dropped`](Self::dropped) |
    /// | an item just at the window's end | belongs to it: it comes first |
    /// | an item after the window's end, at which nobody polled | the latest of the window is given, and this one opens the next |
    /// | the end | the window stays open until its own end, gives its item, and the stream ends then |
    /// | no item | no window, no timer |
    /// | a window of zero | every item is given at once |
    /// | a window of [`Duration::MAX`] | only the last item is given, at the end: there is no window's end to wait for |
    ///
    /// Against [`debounce`](crate::stream::FlowExt::debounce), an item is given no later than a window after it came,
    /// however many others follow. Against [`sample`](crate::stream::FlowExt::sample), windows begin with an item, and
    /// not at a steady pace. As the `auditTime` of RxJS 7.
    ///
    /// # Cancel safety
    ///
    /// The latest item is in here: dropping the future of `next` loses nothing, and dropping the operator loses it.
    /// [`into_remainder`](Self::into_remainder) gives it back.
    ///
    /// # Cost
    ///
    /// An item costs a look at the clock, a window a timer moved; the timer and the count of dropped items
    /// are what is allocated.
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
    ///     let steps = ticker(&rt, Duration::from_millis(30)).build().unwrap().enumerate().map(|(step, _)| step);
    ///     steps.take(8).audit(&rt, Duration::from_millis(100)).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [3, 7]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct Audit<S: Stream, R: Runtime> {
        #[pin]
        inner: Windowed<S, R, Opened<S::Item>>,
    }
}

impl<S: Stream, R: Runtime> Audit<S, R> {
    pub(crate) fn new(source: S, rt: &R, window: Duration) -> Self {
        Self { inner: Windowed::new(source, rt, Opened { length: window, latest: Latest::new() }) }
    }

    /// The latest item of the window that is open, which dropping would lose.
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
    ///     let mut shown = stream::iter([1, 2, 3]).chain(stream::pending()).audit(&rt, Duration::from_secs(60));
    ///     assert!(rt.timeout(Duration::from_secs(1), shown.next()).await.is_err());
    ///     assert_eq!(shown.into_remainder(), Some(3));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn into_remainder(self) -> Option<S::Item> {
        self.inner.into_window().latest.give()
    }
}

windowed!(Audit<S, R>);

/// A window that the first item opens.
struct Opened<T> {
    length: Duration,
    latest: Latest<T>,
}

impl<T> Opened<T> {
    const fn dropped(&self) -> &DropCount {
        self.latest.dropped()
    }
}

impl<T> Window for Opened<T> {
    type Item = T;

    fn take(&mut self, item: T, now: Instant) -> Option<T> {
        if self.length.is_zero() {
            return Some(item);
        }
        self.latest.take(item, now, || now + self.length)
    }

    fn due(&self) -> Option<Instant> {
        self.latest.due()
    }

    fn fire(&mut self, _: Instant) -> Option<T> {
        self.latest.give()
    }

    fn tail(&mut self, _: Instant) -> Option<T> {
        if self.latest.due() == Some(Instant::MAX) { self.latest.give() } else { None }
    }

    fn held(&self) -> usize {
        self.latest.held()
    }

    fn least(&self, more: bool) -> usize {
        self.held().max(usize::from(more))
    }
}
