//! The last item before a pause (recipe 4.3).

use super::window::{Window, Windowed, windowed};
use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::stream::dropped::DropCount;
use futures_core::Stream;
use pin_project_lite::pin_project;
use std::time::Duration;

pin_project! {
    /// Gives an item when no other has come for a while; of
    /// [`FlowExt::debounce`](crate::stream::FlowExt::debounce).
    ///
    /// For what is only worth working on when it has settled: keys typed, files written, a setting that is dragged.
    /// With `quiet` of 3 ms (each character is a millisecond, `(cd)` both in the same, `|` the end):
    ///
    /// ```text
    ///   in  ab----c--(de)-----f-|
    ///  out  ----b-------e----(f|)
    /// ```
    ///
    /// | | |
    /// |---|---|
    /// | an item | waits for `quiet`; the one that waited is dropped, and counted in [`dropped`](Self::dropped) |
    /// | the end | gives the item that waits at once |
    /// | an item just when the one before is due | comes first: it takes the other's place |
    /// | an item after the one before was due, which nobody took | the one before is given, and this one waits |
    /// | items that never pause | nothing is given, unless there is a [`max_wait`](Self::max_wait) |
    /// | `quiet` of zero | every item is given at once |
    /// | `quiet` of [`Duration::MAX`] | only the last item is given, at the end |
    ///
    /// An item has come when it is taken from the source, and that is done as long as somebody polls. A reader that is
    /// busy with an item looks at the source when it comes back: what has come meanwhile has come then. Of what was held
    /// by then, time goes on while nobody polls.
    ///
    /// As the `debounceTime` of RxJS and the `debounce` of Kotlin; the latter has the same zero. For a pause of each
    /// key's own there is [`debounce_by_key`](crate::stream::FlowExt::debounce_by_key).
    ///
    /// # Cancel safety
    ///
    /// The item that waits is in here: dropping the future of `next` loses nothing, and dropping the operator loses
    /// it. [`into_remainder`](Self::into_remainder) gives it back.
    ///
    /// # Cost
    ///
    /// An item costs a look at the clock. The timer is only moved when it fires, not with every item; it and
    /// the count of dropped items are what is allocated.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::Runtime;
    /// use backstay::channel::mpsc;
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use backstay::{JoinHandle, Limit};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let (keys, typed) = mpsc::channel(Limit::new(8).unwrap());
    ///     let types = rt.spawn({
    ///         let rt = rt.clone();
    ///         async move {
    ///             for (text, pause) in [("b", 90), ("ba", 120), ("bac", 900), ("back", 0)] {
    ///                 keys.send(text).await.unwrap();
    ///                 rt.sleep(Duration::from_millis(pause)).await;
    ///             }
    ///         }
    ///     });
    ///     let searches: Vec<_> = typed.debounce(&rt, Duration::from_millis(300)).collect().await;
    ///     assert_eq!(searches, ["bac", "back"]);
    ///     types.await.unwrap();
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use = "streams do nothing unless you poll them"]
    pub struct Debounce<S: Stream, R: Runtime> {
        #[pin]
        inner: Windowed<S, R, Quiet<S::Item>>,
    }
}

impl<S: Stream, R: Runtime> Debounce<S, R> {
    pub(crate) fn new(source: S, rt: &R, quiet: Duration) -> Self {
        let window = Quiet { quiet, max_wait: Duration::MAX, held: None, dropped: DropCount::default() };
        Self { inner: Windowed::new(source, rt, window) }
    }

    /// Gives the latest item also when items have kept coming for `max_wait`, counted from the first that came after
    /// the last one given.
    ///
    /// An item that comes just then is the one that is given. With zero, every item is given at once. As the `maxWait`
    /// of lodash.
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
    ///     // Ten keys a second, without a pause.
    ///     let keys = ticker(&rt, Duration::from_millis(100)).build().unwrap().enumerate().map(|(key, _)| key);
    ///     let settled = keys.take(25).debounce(&rt, Duration::from_millis(300)).max_wait(Duration::from_secs(1));
    ///     settled.collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [10, 21, 24]); // a second after 0, and after 11; and the end
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "maxWait")]
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.inner.window_mut().max_wait = max_wait;
        self
    }

    /// The item that waits, which dropping would lose.
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
    ///     let typed = stream::iter(["h", "he", "hey"]).chain(stream::pending());
    ///     let mut settled = typed.debounce(&rt, Duration::from_secs(60));
    ///     assert!(rt.timeout(Duration::from_secs(1), settled.next()).await.is_err());
    ///     assert_eq!(settled.into_remainder(), Some("hey"));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn into_remainder(self) -> Option<S::Item> {
        self.inner.into_window().held.map(|held| held.item)
    }
}

windowed!(Debounce<S, R>);

/// | held | an item at `now` | then |
/// |---|---|---|
/// | nothing | begins a burst | waits until `quiet` after it, or `max_wait` after the first of its burst |
/// | one that is due now or later | takes its place in its burst | the same |
/// | one that was due | begins a burst; the other is given | the same |
struct Quiet<T> {
    quiet: Duration,
    max_wait: Duration,
    held: Option<Held<T>>,
    dropped: DropCount,
}

struct Held<T> {
    item: T,
    // When the first of its burst came.
    since: Instant,
    due: Instant,
}

impl<T> Quiet<T> {
    const fn dropped(&self) -> &DropCount {
        &self.dropped
    }
}

impl<T> Window for Quiet<T> {
    type Item = T;

    fn take(&mut self, item: T, now: Instant) -> Option<T> {
        let before = self.held.take();
        let is_late = before.as_ref().is_some_and(|held| held.due < now);
        let since = before.as_ref().filter(|_| !is_late).map_or(now, |held| held.since);
        let due = (now + self.quiet).min(since + self.max_wait);
        if due <= now && !is_late {
            if before.is_some() {
                self.dropped.count();
            }
            return Some(item);
        }
        self.held = Some(Held { item, since, due });
        if is_late {
            return before.map(|held| held.item);
        }
        // Dropped when all is in order.
        if before.is_some() {
            self.dropped.count();
        }
        None
    }

    fn due(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.due)
    }

    fn fire(&mut self, _: Instant) -> Option<T> {
        self.held.take().map(|held| held.item)
    }

    fn tail(&mut self, _: Instant) -> Option<T> {
        self.held.take().map(|held| held.item)
    }

    fn held(&self) -> usize {
        usize::from(self.held.is_some())
    }

    fn least(&self, more: bool) -> usize {
        usize::from(more || self.held.is_some())
    }
}
