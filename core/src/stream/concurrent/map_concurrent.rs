//! Each item becomes a future, at most so many of which run at a time.

use super::for_each::{ForEach, TryForEach};
use super::progress::{Drive, Progress, nothing};
use super::spawned::Spawned;
use crate::config_error::ConfigError;
use crate::future::window::{BEGUN_AT_ONCE, Feed, Filled, Window};
use crate::future::{BoundedSet, Ordered};
use crate::limit::Limit;
use crate::probe;
use crate::runtime::Runtime;
use crate::task::Parent;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The stream of [`FlowExt::map_concurrent`](crate::stream::FlowExt::map_concurrent), and with
    /// [`Ordered`] for `W` of
    /// [`FlowExt::map_concurrent_ordered`](crate::stream::FlowExt::map_concurrent_ordered).
    ///
    /// Each item of the source is made a future, and the future begins at once, as soon as there is a place for it.
    /// At most `limit` run at a time. The source is asked for an item only when there is a place, so nothing runs
    /// away from a slow reader. All of it runs in the task that polls the stream.
    ///
    /// | | outputs come | how many are begun and not taken |
    /// |---|---|---|
    /// | `map_concurrent` | as they end | `limit` |
    /// | `map_concurrent_ordered` | in the order of the source | `window`: a slow one at the head holds back the outputs behind it, but not the work |
    ///
    /// # A body that awaits
    ///
    /// Futures run only while something polls them. In a loop over a stream whose body awaits, nobody does: what is in
    /// flight stands still, and where the body waits for something that is held in flight, both wait for ever. So the
    /// ways that take a body have it run **beside** what is in flight:
    ///
    /// | you have | use |
    /// |---|---|
    /// | a body for one output after the other | [`for_each`](Self::for_each), [`try_for_each`](Self::try_for_each) |
    /// | a body for several at a time | [`each_concurrent`](Self::each_concurrent), or another [`map_concurrent`](Self::map_concurrent) |
    /// | a loop, or an operator of another crate | [`spawned`](Self::spawned): a task drives it |
    /// | a body that doesn't await | any loop |
    ///
    /// As methods of the type they come before those of the same name in the `StreamExt` of `futures`.
    ///
    /// An output that has ended while the body was busy keeps its place until the body takes it.
    ///
    /// # Fairness
    ///
    /// A poll asks the source for as many items as there are places, and polls what was woken or is new, each once.
    /// After 128 outputs that were ready in a row it is pending once, so that a timeout or a stop signal around the
    /// loop fires.
    ///
    /// # The end
    ///
    /// It ends when the source has and all outputs are given; the source is dropped at its own end. An output that is
    /// an error is an output like any other.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next output loses nothing. Dropping the stream drops the futures that run,
    /// and the source.
    ///
    /// # Panics
    ///
    /// A panic of the closure, of the source or of one of the futures goes on in who polls the stream; a future that
    /// has panicked is gone, and the others stay.
    ///
    /// # Cost
    ///
    /// None for each item: places are used again and again. See [`BoundedSet`](crate::future::BoundedSet).
    #[must_use = "streams do nothing unless they are polled"]
    pub struct MapConcurrent<S, F, Fut: Future, W = BoundedSet<Fut>> {
        #[pin]
        filled: Filled<W, Mapped<S, F>>,
        // Taken while a body was busy; they come before all others.
        held: VecDeque<Fut::Output>,
    }
}

/// The stream of [`FlowExt::map_concurrent_ordered`](crate::stream::FlowExt::map_concurrent_ordered).
pub type MapConcurrentOrdered<S, F, Fut> = MapConcurrent<S, F, Fut, Ordered<Fut>>;

pin_project! {
    /// The futures of a stream's items.
    struct Mapped<S, F> {
        // None when it has ended.
        #[pin]
        source: Option<S>,
        f: F,
        drive: Drive<S>,
    }
}

impl<S, F, Fut: Future> MapConcurrent<S, F, Fut> {
    pub(crate) fn unordered(source: S, limit: Limit, f: F) -> Self {
        Self::new(source, f, nothing, BoundedSet::new(limit))
    }
}

impl<S, F, Fut: Future> MapConcurrentOrdered<S, F, Fut> {
    pub(crate) fn ordered(source: S, limit: Limit, window: Limit, f: F) -> Result<Self, ConfigError> {
        Ok(Self::new(source, f, nothing, Ordered::new(limit, window)?))
    }
}

impl<S, F, Fut: Future, W> MapConcurrent<S, F, Fut, W> {
    fn new(source: S, f: F, drive: Drive<S>, set: W) -> Self {
        let mapped = Mapped { source: Some(source), f, drive };
        Self { filled: Filled::new(set, mapped), held: VecDeque::new() }
    }
}

#[allow(private_bounds, reason = "the windows are the two that there are")]
impl<S, F, Fut, W> MapConcurrent<S, F, Fut, W>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
    W: Window<Fut>,
{
    /// Runs `body` for one output after the other, and beside it what is in flight: a body that awaits stalls
    /// nothing, and may wait for what is in flight.
    ///
    /// While the body is busy, others begin and end as there are places; their outputs wait for it, each in its place.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the body, what is in flight, and the outputs that wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{Limit, Runtime};
    /// use futures::{StreamExt, stream}; // has a `for_each` too, which would stall the others
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let rt = &rt;
    ///     let request = |id| async move { rt.sleep(Duration::from_millis(20)).await; id };
    ///     let store = |_| rt.sleep(Duration::from_millis(10));
    ///     stream::iter(0..4).map_concurrent(Limit::new(2).unwrap(), request).for_each(store).await;
    /// })?;
    /// // The last two requests run while the first two are stored.
    /// assert_eq!(run.elapsed, Duration::from_millis(60));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn for_each<B, BodyFut>(self, body: B) -> ForEach<Self, B, BodyFut>
    where
        B: FnMut(Fut::Output) -> BodyFut,
        BodyFut: Future<Output = ()>,
    {
        ForEach::new(self, body)
    }

    /// As [`for_each`](Self::for_each), where outputs are results and so is what the body gives: it ends with the
    /// first error of either, and what is in flight is dropped by then.
    ///
    /// # Errors
    ///
    /// The first error that an output is, or a body gives.
    ///
    /// # Cancel safety
    ///
    /// That of [`for_each`](Self::for_each).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::stream::FlowExt;
    /// use futures::stream;
    ///
    /// # futures::executor::block_on(async {
    /// let parse = |text: &'static str| async move { text.parse::<u32>() };
    /// let mut sum = 0;
    /// let parsed = stream::iter(["1", "2", "x", "4"]).map_concurrent(Limit::ONE, parse);
    /// let result = parsed.try_for_each(|number| { sum += number; std::future::ready(Ok(())) }).await;
    /// assert!(result.is_err());
    /// assert_eq!(sum, 3);
    /// # });
    /// ```
    pub fn try_for_each<T, E, B, BodyFut>(self, body: B) -> TryForEach<Self, B, BodyFut>
    where
        Fut: Future<Output = Result<T, E>>,
        B: FnMut(T) -> BodyFut,
        BodyFut: Future<Output = Result<(), E>>,
    {
        TryForEach::new(self, body)
    }

    /// [`FlowExt::map_concurrent`](crate::stream::FlowExt::map_concurrent), which also drives what is in flight here
    /// while all its own places are taken.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{Limit, Runtime};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let rt = &rt;
    ///     let request = |id| async move { rt.sleep(Duration::from_millis(20)).await; id };
    ///     let store = |_| rt.sleep(Duration::from_millis(10));
    ///     let requests = stream::iter(0..4).map_concurrent(Limit::new(2).unwrap(), request);
    ///     requests.map_concurrent(Limit::ONE, store).count().await
    /// })?;
    /// assert_eq!(run.value, 4);
    /// // The last two requests run while the first two are stored.
    /// assert_eq!(run.elapsed, Duration::from_millis(60));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn map_concurrent<G, GFut>(self, limit: impl Into<Limit>, g: G) -> MapConcurrent<Self, G, GFut>
    where
        G: FnMut(Fut::Output) -> GFut,
        GFut: Future,
    {
        MapConcurrent::new(self, g, Self::poll_progress, BoundedSet::new(limit))
    }

    /// [`FlowExt::map_concurrent_ordered`](crate::stream::FlowExt::map_concurrent_ordered), which also drives what is
    /// in flight here while all its own places are taken.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for a window that is smaller than the limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{Limit, Runtime};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let nap = |ms| {
    ///         let rt = &rt;
    ///         async move { rt.sleep(Duration::from_millis(ms)).await; ms }
    ///     };
    ///     let two = Limit::new(2).unwrap();
    ///     let requests = stream::iter([30, 10, 20]).map_concurrent(two, nap); // as they end: 10, 30, 20
    ///     requests.map_concurrent_ordered(two, two, nap).unwrap().collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [10, 30, 20]);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn map_concurrent_ordered<G, GFut>(
        self,
        limit: impl Into<Limit>,
        window: impl Into<Limit>,
        g: G,
    ) -> Result<MapConcurrentOrdered<Self, G, GFut>, ConfigError>
    where
        G: FnMut(Fut::Output) -> GFut,
        GFut: Future,
    {
        Ok(MapConcurrent::new(self, g, Self::poll_progress, Ordered::new(limit, window)?))
    }

    /// [`FlowExt::spawned`](crate::stream::FlowExt::spawned), which also drives what is in flight here while its buffer
    /// is full.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{Limit, Runtime};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let own = rt.clone();
    ///     let request = move |id| {
    ///         let answer = own.sleep(Duration::from_millis(20));
    ///         async move { answer.await; id }
    ///     };
    ///     let requests = stream::iter(0..4).map_concurrent(Limit::new(2).unwrap(), request);
    ///     let mut answers = requests.spawned(&rt, Limit::ONE);
    ///     while let Some(_) = answers.next().await {
    ///         rt.sleep(Duration::from_millis(10)).await; // the next requests run meanwhile
    ///     }
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_millis(60));
    /// # Ok::<(), Failure>(())
    /// ```
    #[track_caller]
    pub fn spawned<R: Runtime>(
        self,
        parent: &impl Parent<Runtime = R>,
        places: impl Into<Limit>,
    ) -> Spawned<R, Self>
    where
        Self: Send + 'static,
        Fut::Output: Send + 'static,
    {
        Spawned::new(self, parent, places.into(), Self::poll_progress)
    }

    /// How many outputs are still to come of the futures that have begun.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{Limit, Runtime};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let request = |ms| rt.sleep(Duration::from_millis(ms));
    ///     let mut requests = stream::iter([10, 20]).map_concurrent(Limit::new(2).unwrap(), request);
    ///     assert_eq!(requests.in_flight(), 0); // not begun
    ///     requests.next().await;
    ///     assert_eq!(requests.in_flight(), 1);
    ///     requests.next().await;
    ///     assert_eq!(requests.in_flight(), 0);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn in_flight(&self) -> usize {
        self.filled.window().len() + self.held.len()
    }
}

impl<S, F, Fut, W> Stream for MapConcurrent<S, F, Fut, W>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
    W: Window<Fut>,
{
    type Item = Fut::Output;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Fut::Output>> {
        let mut this = self.project();
        if !this.held.is_empty() {
            // Counted as all others are: as many may be held as may be begun.
            ready!(this.filled.as_mut().budget().poll_proceed(cx));
            this.filled.budget().spend();
            return Poll::Ready(this.held.pop_front());
        }
        let poll = this.filled.as_mut().poll_next(cx);
        if poll.is_pending() {
            probe::waiting(|| format!("one of {} futures, or its source", this.filled.window().len()));
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let held = self.held.len();
        let (least, most) = self.filled.size_hint();
        (least.saturating_add(held), most.and_then(|most| most.checked_add(held)))
    }
}

impl<S, F, Fut, W> FusedStream for MapConcurrent<S, F, Fut, W>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
    W: Window<Fut>,
{
    fn is_terminated(&self) -> bool {
        self.held.is_empty() && self.filled.is_terminated()
    }
}

impl<S, F, Fut, W> Progress for MapConcurrent<S, F, Fut, W>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
    W: Window<Fut>,
{
    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let mut this = self.project();
        // No more of them in one poll than may begin in one: a limit may be endless.
        for _ in 0..BEGUN_AT_ONCE {
            match this.filled.as_mut().poll_output(this.held.len(), cx) {
                Poll::Ready(Some(output)) => this.held.push_back(output),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
        cx.waker().wake_by_ref();
    }
}

impl<S, F, Fut> Feed for Mapped<S, F>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
{
    type Future = Fut;

    #[inline]
    fn poll_future(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Fut>> {
        let mut this = self.project();
        let Some(source) = this.source.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        match source.poll_next(cx) {
            Poll::Ready(Some(item)) => Poll::Ready(Some((this.f)(item))),
            Poll::Ready(None) => {
                this.source.set(None);
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }

    #[inline]
    fn has_ended(&self) -> bool {
        self.source.is_none()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.source.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }

    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>) {
        let this = self.project();
        if let Some(source) = this.source.as_pin_mut() {
            (this.drive)(source, cx);
        }
    }
}

impl<S, F, Fut: Future, W: fmt::Debug> fmt::Debug for MapConcurrent<S, F, Fut, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapConcurrent").field("set", self.filled.window()).finish_non_exhaustive()
    }
}
