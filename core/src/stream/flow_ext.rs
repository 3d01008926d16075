//! The trait of the operators: each method makes the operator of the same name, which is where it is described whole.

use super::adjacent::{CloneOf, DistinctUntilChanged, Pairwise};
use super::batch::{Batch, BatchConfig, Weigh};
use super::combine::{CombineLatest, WithLatestFrom};
use super::concurrent::{EachConcurrent, MapConcurrent, MapConcurrentOrdered, Spawned, progress};
use super::flatten::{ExhaustMap, FlatMapLimited, SwitchMap};
use super::life::{Share, ShareConfig, Until};
use super::merge::MergeWith;
use super::overflow::{Buffer, BufferOrFail, Conflate, RateLimit};
use super::results::{ProcessResults, Values};
use super::split::{GroupBy, GroupByConfig, Windows};
use super::timing::{
    Audit, Debounce, DebounceByKey, Edge, FirstTimeout, ItemTimeout, LimitEmissions, Pace, Sample,
    TotalTimeout,
};
use crate::channel::mpsc::Overflow;
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::resilience::RateLimiter;
use crate::runtime::Runtime;
use crate::task::{CancelToken, Parent};
use futures_core::Stream;
use std::hash::Hash;
use std::time::Duration;

/// Operators over time and concurrency, for any [`Stream`].
///
/// See the [module](super) for all of them and what they hold in common.
pub trait FlowExt: Stream {
    // ---- concurrent ----

    /// Makes each item a future, and runs at most `limit` of them at a time; outputs come as they end. See
    /// [`MapConcurrent`], also for **bodies that await**: `for_each` and others run them beside what is in flight.
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
    ///     let request = |ms| {
    ///         let rt = &rt;
    ///         async move { rt.sleep(Duration::from_millis(ms)).await; ms }
    ///     };
    ///     let times = stream::iter([30, 10, 20]).map_concurrent(Limit::new(2).unwrap(), request);
    ///     assert_eq!(times.collect::<Vec<_>>().await, [10, 30, 20]);
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_millis(30));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "buffer_unordered")]
    #[doc(alias = "flatMapMerge")]
    #[doc(alias = "mergeMap")]
    #[doc(alias = "mapAsyncUnordered")]
    fn map_concurrent<F, Fut>(self, limit: impl Into<Limit>, f: F) -> MapConcurrent<Self, F, Fut>
    where
        Self: Sized,
        F: FnMut(Self::Item) -> Fut,
        Fut: Future,
    {
        MapConcurrent::unordered(self, limit.into(), f)
    }

    /// As [`map_concurrent`](Self::map_concurrent), with the outputs in the order of the items. A slow one holds back
    /// the outputs behind it, but not the work: others begin, until `window` of them have begun whose outputs have not
    /// been given. See [`MapConcurrent`].
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
    ///     let request = |ms| {
    ///         let rt = &rt;
    ///         async move { rt.sleep(Duration::from_millis(ms)).await; ms }
    ///     };
    ///     let (limit, window) = (Limit::new(2).unwrap(), Limit::new(8).unwrap());
    ///     let times = stream::iter([60, 10, 20, 30]).map_concurrent_ordered(limit, window, request).unwrap();
    ///     assert_eq!(times.collect::<Vec<_>>().await, [60, 10, 20, 30]);
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_millis(60));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "buffered")]
    #[doc(alias = "mapAsync")]
    #[doc(alias = "flatMapSequential")]
    #[doc(alias = "concatMapEager")]
    fn map_concurrent_ordered<F, Fut>(
        self,
        limit: impl Into<Limit>,
        window: impl Into<Limit>,
        f: F,
    ) -> Result<MapConcurrentOrdered<Self, F, Fut>, ConfigError>
    where
        Self: Sized,
        F: FnMut(Self::Item) -> Fut,
        Fut: Future,
    {
        MapConcurrent::ordered(self, limit.into(), window.into(), f)
    }

    /// Runs `body` for each item, at most `limit` of them at a time, and polls the source beside them: a future. See
    /// [`EachConcurrent`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{Limit, Runtime};
    /// use futures::stream;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let store = |_| rt.sleep(Duration::from_millis(10));
    ///     stream::iter(0..4).each_concurrent(Limit::new(2).unwrap(), store).await;
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_millis(20));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "for_each_concurrent")]
    fn each_concurrent<B, Fut>(self, limit: impl Into<Limit>, body: B) -> EachConcurrent<Self, B, Fut>
    where
        Self: Sized,
        B: FnMut(Self::Item) -> Fut,
        Fut: Future<Output = ()>,
    {
        EachConcurrent::new(MapConcurrent::unordered(self, limit.into(), body))
    }

    /// Has a task of its own drive the source, until `places` items wait: whatever the reader does, the source goes
    /// on. See [`Spawned`].
    ///
    /// The task belongs to the stream, which aborts it when it is dropped. Nothing is spawned before the first poll.
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
    ///     let (own, ten) = (rt.clone(), Duration::from_millis(10));
    ///     let slow = stream::iter(0..3).then(move |i| { let nap = own.sleep(ten); async move { nap.await; i } });
    ///     let mut slow = slow.spawned(&rt, Limit::ONE);
    ///     while let Some(_) = slow.next().await {
    ///         rt.sleep(ten).await; // the next one is on its way
    ///     }
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_millis(40));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "buffer")]
    #[doc(alias = "flowOn")]
    #[doc(alias = "publishOn")]
    #[doc(alias = "observeOn")]
    #[doc(alias = "prefetch")]
    #[track_caller]
    fn spawned<R: Runtime>(
        self,
        parent: &impl Parent<Runtime = R>,
        places: impl Into<Limit>,
    ) -> Spawned<R, Self>
    where
        Self: Sized + Send + 'static,
        Self::Item: Send + 'static,
    {
        Spawned::new(self, parent, places.into(), progress::nothing)
    }

    // ---- flatten ----

    /// The stream of the latest item only: a new item drops the stream of the one before. See [`SwitchMap`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let typed = stream::iter([("ba", 0), ("back", 50), ("backstay", 500)]).then(|(text, ms)| {
    ///         let rt = rt.clone();
    ///         async move { rt.sleep(Duration::from_millis(ms)).await; text }
    ///     });
    ///     let search = |text| {
    ///         let rt = rt.clone();
    ///         stream::once(async move { rt.sleep(Duration::from_millis(100)).await; format!("{text}!") })
    ///     };
    ///     typed.switch_map(search).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, ["back!", "backstay!"]); // whoever typed on waits for no older answer
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "flatMapLatest")]
    #[doc(alias = "switch")]
    #[doc(alias = "flatten_latest")]
    fn switch_map<T: Stream, F: FnMut(Self::Item) -> T>(self, f: F) -> SwitchMap<Self, F, T>
    where
        Self: Sized,
    {
        SwitchMap::new(self, f)
    }

    /// The stream of one item at a time; items that come while it runs are dropped, and counted. See [`ExhaustMap`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::time::ticker;
    /// use futures::{StreamExt, stream};
    /// use std::pin::pin;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let clicks = ticker(&rt, Duration::from_millis(40)).build().unwrap().take(6);
    ///     let mut sent = pin!(clicks.exhaust_map(|_| {
    ///         let rt = rt.clone();
    ///         stream::once(async move { rt.sleep(Duration::from_millis(100)).await })
    ///     }));
    ///     (sent.as_mut().count().await, sent.dropped())
    /// })?;
    /// assert_eq!(run.value, (2, 4)); // at 0 and at 120 ms
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "exhaustAll")]
    #[doc(alias = "flat_map_first")]
    fn exhaust_map<T: Stream, F: FnMut(Self::Item) -> T>(self, f: F) -> ExhaustMap<Self, F, T>
    where
        Self: Sized,
    {
        ExhaustMap::new(self, f)
    }

    /// The items of the streams that `f` makes, of at most `limit` of them at a time; the source is not polled beyond.
    /// See [`FlatMapLimited`].
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
    ///     let pages = |shop: char| {
    ///         let rt = rt.clone();
    ///         stream::iter(1..=2).then(move |page| {
    ///             let rt = rt.clone();
    ///             async move { rt.sleep(Duration::from_millis(10)).await; format!("{shop}{page}") }
    ///         })
    ///     };
    ///     let two = Limit::new(2).unwrap();
    ///     let mut pages: Vec<_> = stream::iter("abcd".chars()).flat_map_limited(two, pages).collect().await;
    ///     pages.sort();
    ///     pages.join(" ")
    /// })?;
    /// assert_eq!(run.value, "a1 a2 b1 b2 c1 c2 d1 d2");
    /// assert_eq!(run.elapsed, Duration::from_millis(40)); // 80 ms of work, two at a time
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "flatMapMerge")]
    #[doc(alias = "mergeMap")]
    #[doc(alias = "concatMap")]
    #[doc(alias = "flatten_unordered")]
    fn flat_map_limited<T: Stream, F: FnMut(Self::Item) -> T>(
        self,
        limit: impl Into<Limit>,
        f: F,
    ) -> FlatMapLimited<Self, F, T>
    where
        Self: Sized,
    {
        FlatMapLimited::new(self, limit.into(), f)
    }

    // ---- timing ----

    /// Gives an item when no other has come for `quiet`, and at the end; those in between are dropped and counted:
    /// see [`Debounce`].
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
    ///     stream::iter(["h", "he", "hey"]).debounce(&rt, Duration::from_millis(300)).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, ["hey"]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "debounceTime")]
    #[doc(alias = "throttleWithTimeout")]
    fn debounce<R: Runtime>(self, rt: &R, quiet: Duration) -> Debounce<Self, R>
    where
        Self: Sized,
    {
        Debounce::new(self, rt, quiet)
    }

    /// Gives an item when no other of its key has come for `quiet`, and at the end; those in between are dropped and
    /// counted: see [`DebounceByKey`].
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
    ///     stream::iter(["a1", "b1", "a2"]).debounce_by_key(&rt, Duration::from_secs(1), |name| name.as_bytes()[0]).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, ["b1", "a2"]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "groupBy")]
    fn debounce_by_key<R, K, F>(self, rt: &R, quiet: Duration, key: F) -> DebounceByKey<Self, R, K, F>
    where
        Self: Sized,
        R: Runtime,
        K: Hash + Eq,
        F: FnMut(&Self::Item) -> K,
    {
        DebounceByKey::new(self, rt, quiet, key)
    }

    /// Gives at most one item in each `interval`, the first or the last of it; the others are dropped and counted: see
    /// [`LimitEmissions`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::{Edge, FlowExt};
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     stream::iter(0..10).limit_emissions(&rt, Duration::from_secs(1), Edge::Both).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [0, 9]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "throttle")]
    #[doc(alias = "throttleTime")]
    #[doc(alias = "throttleFirst")]
    #[doc(alias = "throttleLatest")]
    fn limit_emissions<R: Runtime>(self, rt: &R, interval: Duration, edge: Edge) -> LimitEmissions<Self, R>
    where
        Self: Sized,
    {
        LimitEmissions::new(self, rt, interval, edge)
    }

    /// Gives items at least `interval` apart, and drops none: see [`Pace`].
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
    ///     stream::iter(0..3).pace(&rt, Duration::from_secs(1)).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [0, 1, 2]);
    /// assert_eq!(run.elapsed, Duration::from_secs(2));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "throttle")]
    #[doc(alias = "delay")]
    fn pace<R: Runtime>(self, rt: &R, interval: Duration) -> Pace<Self, R>
    where
        Self: Sized,
    {
        Pace::new(self, rt, interval)
    }

    /// Gives the latest item at the end of each `period`, if there is a new one; the others are dropped and counted: see
    /// [`Sample`].
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
    ///     stream::iter(0..10).chain(stream::pending()).sample(&rt, Duration::from_secs(1)).take(1).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [9]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "sampleTime")]
    #[doc(alias = "throttleLast")]
    fn sample<R: Runtime>(self, rt: &R, period: Duration) -> Sample<Self, R>
    where
        Self: Sized,
    {
        Sample::new(self, rt, period)
    }

    /// An item opens a window of that length, at whose end the latest item is given; the others are dropped and counted: see
    /// [`Audit`].
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
    ///     stream::iter(0..10).audit(&rt, Duration::from_secs(1)).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [9]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "auditTime")]
    fn audit<R: Runtime>(self, rt: &R, window: Duration) -> Audit<Self, R>
    where
        Self: Sized,
    {
        Audit::new(self, rt, window)
    }

    /// Ends with a [`StreamTimeout`](super::StreamTimeout) when the next item is waited for longer than `limit`: see
    /// [`ItemTimeout`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::{FlowExt, StreamTimeout};
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     stream::iter([1]).chain(stream::pending()).item_timeout(&rt, Duration::from_secs(30)).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [Ok(1), Err(StreamTimeout::Item { limit: Duration::from_secs(30) })]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "timeout")]
    #[doc(alias = "timeoutWith")]
    fn item_timeout<R: Runtime>(self, rt: &R, limit: Duration) -> ItemTimeout<Self, R>
    where
        Self: Sized,
    {
        ItemTimeout::new(self, rt, limit)
    }

    /// Ends with a [`StreamTimeout`](super::StreamTimeout) when the first item is waited for longer than `limit`: see
    /// [`FirstTimeout`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::{FlowExt, StreamTimeout};
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     stream::pending::<u32>().first_timeout(&rt, Duration::from_secs(30)).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [Err(StreamTimeout::First { limit: Duration::from_secs(30) })]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "timeout")]
    #[doc(alias = "initialTimeout")]
    fn first_timeout<R: Runtime>(self, rt: &R, limit: Duration) -> FirstTimeout<Self, R>
    where
        Self: Sized,
    {
        FirstTimeout::new(self, rt, limit)
    }

    /// Ends with a [`StreamTimeout`](super::StreamTimeout) when it has not ended within `limit`: see [`TotalTimeout`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::{FlowExt, StreamTimeout};
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     stream::iter([1]).chain(stream::pending()).total_timeout(&rt, Duration::from_secs(30)).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [Ok(1), Err(StreamTimeout::Total { limit: Duration::from_secs(30) })]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "timeout")]
    #[doc(alias = "completionTimeout")]
    fn total_timeout<R: Runtime>(self, rt: &R, limit: Duration) -> TotalTimeout<Self, R>
    where
        Self: Sized,
    {
        TotalTimeout::new(self, rt, limit)
    }

    // ---- batch ----

    /// Batches: a `Vec` of items when it is full by count or weight, or when its time is over.
    ///
    /// See [`Batch`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Limit;
    /// use backstay_core::stream::{BatchConfig, FlowExt};
    /// use futures::{StreamExt, stream};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let two = BatchConfig::new(Limit::new(2).unwrap());
    ///     let batches: Vec<_> = stream::iter(1..=5).batch(&rt, two).collect().await;
    ///     assert_eq!(batches, [vec![1, 2], vec![3, 4], vec![5]]);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "chunks")]
    #[doc(alias = "chunks_timeout")]
    #[doc(alias = "ready_chunks")]
    #[doc(alias = "bufferTimeout")]
    #[doc(alias = "bufferTime")]
    #[doc(alias = "groupedWithin")]
    #[doc(alias = "groupedWeightedWithin")]
    fn batch<R: Runtime, W: Weigh<Self::Item>>(self, rt: &R, config: BatchConfig<W>) -> Batch<Self, R, W>
    where
        Self: Sized,
    {
        Batch::new(self, rt, config)
    }

    // ---- overflow and rate ----

    /// Takes at once what is ready, keeps up to `limit` items, and does as `overflow` says with what there is no room
    /// for.
    ///
    /// See [`Buffer`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc::Overflow;
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let last = stream::iter(0..100).buffer(Limit::new(3)?, Overflow::DropOldest);
    /// let dropped = last.drop_count();
    /// assert_eq!(last.collect::<Vec<_>>().await, [97, 98, 99]);
    /// assert_eq!(dropped.get(), 97);
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "onBackpressureBuffer")]
    #[doc(alias = "onBackpressureDrop")]
    #[doc(alias = "onBackpressureLatest")]
    fn buffer(self, limit: impl Into<Limit>, overflow: Overflow) -> Buffer<Self>
    where
        Self: Sized,
    {
        Buffer::new(self, limit.into(), overflow)
    }

    /// Takes at once what is ready, keeps up to `limit` items, and gives an error in the place of those for which there
    /// was no room.
    ///
    /// See [`BufferOrFail`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::stream::{FlowExt, Overflowed};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let kept: Vec<_> = stream::iter(0..100).buffer_or_fail(Limit::new(2)?).collect().await;
    /// assert_eq!(kept, [Ok(0), Ok(1), Err(Overflowed(98))]);
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "onBackpressureError")]
    fn buffer_or_fail(self, limit: impl Into<Limit>) -> BufferOrFail<Self>
    where
        Self: Sized,
    {
        BufferOrFail::new(self, limit.into())
    }

    /// Folds what is ready together into one item, so that a slow reader catches up.
    ///
    /// See [`Conflate`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut largest = stream::iter([3, 1, 4, 1, 5]).conflate(i32::max);
    /// assert_eq!(largest.next().await, Some(5));
    /// assert_eq!(largest.next().await, None);
    /// # });
    /// ```
    #[doc(alias = "onBackpressureReduce")]
    fn conflate<F: FnMut(Self::Item, Self::Item) -> Self::Item>(self, fold: F) -> Conflate<Self, F>
    where
        Self: Sized,
    {
        Conflate::new(self, fold)
    }

    /// Each item waits for a permit of `limiter`; nothing is dropped.
    ///
    /// See [`RateLimit`].
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
    ///     let limiter = RateLimiter::new(Quota::per_second(2)).expect("a good quota");
    ///     stream::iter(0..5).rate_limit(&rt, &limiter).count().await
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_secs(2));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "throttle")]
    #[doc(alias = "ratelimit_stream")]
    fn rate_limit<R: Runtime>(self, rt: &R, limiter: &RateLimiter) -> RateLimit<Self, R>
    where
        Self: Sized,
    {
        RateLimit::new(self, rt, limiter)
    }

    // ---- merge ----

    /// This and another stream of the same items as one, by turns where both have one ready. See [`MergeWith`]; for
    /// more than two there is [`MergeSet`](super::MergeSet).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let merged = stream::iter([1, 2, 3]).merge_with(stream::iter([10, 20]));
    /// assert_eq!(merged.collect::<Vec<_>>().await, [1, 10, 2, 20, 3]);
    /// # });
    /// ```
    #[doc(alias = "merge")]
    #[doc(alias = "select")]
    fn merge_with<B>(self, other: B) -> MergeWith<Self, B>
    where
        Self: Sized,
        B: Stream<Item = Self::Item>,
    {
        MergeWith::new(self, other)
    }

    // ---- combine ----

    /// The latest items of this and another stream, whenever one of them has a new one. See [`CombineLatest`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let (amounts, rates) = (stream::iter([10, 20]), stream::iter([2, 3]));
    /// let sums = amounts.combine_latest(rates).map(|(amount, rate)| amount * rate);
    /// // 10 at 2, then 20 at 2, then 20 at 3.
    /// assert_eq!(sums.collect::<Vec<_>>().await, [20, 40, 60]);
    /// # });
    /// ```
    #[doc(alias = "combine")]
    #[doc(alias = "zipLatest")]
    fn combine_latest<B: Stream>(self, other: B) -> CombineLatest<Self, B>
    where
        Self: Sized,
        Self::Item: Clone,
        B::Item: Clone,
    {
        CombineLatest::new(self, other)
    }

    /// Each item with the latest of another stream; items before that has any are dropped and counted. See
    /// [`WithLatestFrom`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let clicks = stream::iter(["buy", "sell"]).with_latest_from(stream::iter([101, 102]));
    /// assert_eq!(clicks.collect::<Vec<_>>().await, [("buy", 102), ("sell", 102)]);
    /// # });
    /// ```
    #[doc(alias = "withLatest")]
    #[doc(alias = "sampleOn")]
    fn with_latest_from<O: Stream>(self, other: O) -> WithLatestFrom<Self, O>
    where
        Self: Sized,
        O::Item: Clone,
    {
        WithLatestFrom::new(self, other)
    }

    // ---- adjacent ----

    /// Items that differ from the one before; the others are dropped and counted. See [`DistinctUntilChanged`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let states = stream::iter([1, 1, 2, 2, 2, 1]).distinct_until_changed();
    /// assert_eq!(states.collect::<Vec<_>>().await, [1, 2, 1]);
    /// # });
    /// ```
    #[doc(alias = "dedup")]
    #[doc(alias = "changes")]
    fn distinct_until_changed(self) -> DistinctUntilChanged<Self, Self::Item, CloneOf<Self::Item>>
    where
        Self: Sized,
        Self::Item: Clone + PartialEq,
    {
        DistinctUntilChanged::new(self, Clone::clone)
    }

    /// Items whose key differs from that of the one before; the others are dropped and counted. See
    /// [`DistinctUntilChanged`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let calls = stream::iter(["info: a", "info: b", "warn: c"]);
    /// let levels = calls.distinct_until_changed_by_key(|line| line.split(':').next());
    /// assert_eq!(levels.collect::<Vec<_>>().await, ["info: a", "warn: c"]);
    /// # });
    /// ```
    #[doc(alias = "distinctUntilKeyChanged")]
    #[doc(alias = "distinctUntilChangedBy")]
    #[doc(alias = "dedup_by_key")]
    fn distinct_until_changed_by_key<K, F>(self, key: F) -> DistinctUntilChanged<Self, K, F>
    where
        Self: Sized,
        K: PartialEq,
        F: FnMut(&Self::Item) -> K,
    {
        DistinctUntilChanged::new(self, key)
    }

    /// Each item with the one before. See [`Pairwise`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let counters = stream::iter([100, 130, 190]);
    /// let rates = counters.pairwise().map(|(before, now)| now - before);
    /// assert_eq!(rates.collect::<Vec<_>>().await, [30, 60]);
    /// # });
    /// ```
    #[doc(alias = "tuple_windows")]
    #[doc(alias = "sliding")]
    fn pairwise(self) -> Pairwise<Self>
    where
        Self: Sized,
        Self::Item: Clone,
    {
        Pairwise::new(self)
    }

    // ---- split ----

    /// A stream of groups, one for each key, each of which is a stream of that key's items. See [`GroupBy`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Limit;
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let words = stream::iter(["ant", "bee", "ape", "asp", "bat"]);
    ///     let ten = Limit::new(10).expect("it is not zero");
    ///     let initials = words.group_by(&rt, ten, |word| word.as_bytes()[0]);
    ///     let texts = initials.map_concurrent(ten, async |group| group.collect::<Vec<_>>().await.join(" "));
    ///     texts.collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, ["ant ape asp", "bee bat"]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "groupBy")]
    #[doc(alias = "partition")]
    #[doc(alias = "key_by")]
    fn group_by<R, K, F>(self, rt: &R, config: impl Into<GroupByConfig>, key: F) -> GroupBy<Self, K, F>
    where
        Self: Sized,
        R: Runtime,
        K: Hash + Eq + Clone,
        F: FnMut(&Self::Item) -> K,
    {
        GroupBy::new(self, rt, config.into(), key)
    }

    /// The stream in parts that follow each other, by count, weight and time, each of which is a stream. See
    /// [`Windows`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Limit;
    /// use backstay_core::stream::{BatchConfig, FlowExt};
    /// use futures::{StreamExt, stream};
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let three = BatchConfig::new(Limit::new(3).expect("it is not zero"));
    ///     let sums = stream::iter(1..=7).window(&rt, three).then(async |three| three.fold(0, async |a, b| a + b).await);
    ///     sums.collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [6, 15, 7]);
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "tumbling")]
    #[doc(alias = "windowTime")]
    #[doc(alias = "splitAfter")]
    fn window<R: Runtime, W: Weigh<Self::Item>>(self, rt: &R, config: BatchConfig<W>) -> Windows<Self, R, W>
    where
        Self: Sized,
    {
        Windows::new(self, rt, config)
    }

    // ---- life ----

    /// The stream until `token` is cancelled; the token comes first. See [`Until`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::task::CancelToken;
    /// use backstay_core::time::ticker;
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let token = CancelToken::with_deadline(&rt, rt.now() + Duration::from_millis(25));
    ///     let ticks = ticker(&rt, Duration::from_millis(10)).build().unwrap();
    ///     ticks.until(token).count().await
    /// })?;
    /// assert_eq!(run.value, 3); // at 0, 10 and 20 ms
    /// assert_eq!(run.elapsed, Duration::from_millis(25));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "takeUntil")]
    #[doc(alias = "take_until")]
    #[doc(alias = "KillSwitch")]
    fn until(self, token: CancelToken) -> Until<Self>
    where
        Self: Sized,
    {
        Until::new(self, token)
    }

    /// The stream for many readers, each of which gets every item from when it was made, and the last so many before.
    /// A number is what is replayed; see [`ShareConfig`] for what else can be chosen, and [`Share`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let prices = stream::iter([101, 102, 103]).share(0);
    ///     let highest = rt.spawn(prices.clone().fold(0, async |max, price| price.unwrap().max(max)));
    ///     let count = prices.count().await;
    ///     (highest.await.unwrap(), count)
    /// })?;
    /// assert_eq!(run.value, (103, 3));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "shareReplay")]
    #[doc(alias = "shareIn")]
    #[doc(alias = "multicast")]
    fn share(self, config: impl Into<ShareConfig>) -> Share<Self>
    where
        Self: Sized,
    {
        Share::new(self, config.into())
    }

    // ---- results ----

    /// What `flow` makes of the values of a stream of results, up to the first error, which ends it and drops the
    /// flow's tail. See [`ProcessResults`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::executor::block_on;
    /// use futures::{StreamExt, stream};
    ///
    /// let lines = stream::iter([Ok(1), Ok(2), Ok(3), Err("disk full"), Ok(4)]);
    /// let pairs = lines.process_results(|values| values.chunks(2));
    /// let items: Vec<_> = block_on(pairs.collect());
    /// assert_eq!(items, [Ok(vec![1, 2]), Err("disk full")]); // no half of a pair
    /// ```
    #[doc(alias = "try_chunks")]
    fn process_results<T, E, G, F>(self, flow: F) -> ProcessResults<G, E>
    where
        Self: Stream<Item = Result<T, E>> + Sized,
        G: Stream,
        F: FnOnce(Values<Self, E>) -> G,
    {
        ProcessResults::new(self, flow)
    }
}

impl<S: Stream + ?Sized> FlowExt for S {}
