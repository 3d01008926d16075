//! The trait of the operators: each method makes the operator of the same name, which is where it is described whole.

use super::concurrent::progress;
use super::{EachConcurrent, MapConcurrent, MapConcurrentOrdered, MergeWith, Spawned};
use crate::config_error::ConfigError;
use crate::limit::Limit;
use crate::runtime::Runtime;
use crate::task::Parent;
use futures_core::Stream;

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

    // ---- timing ----

    // ---- batch ----

    // ---- overflow and rate ----

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

    // ---- life ----

    // ---- results ----
}

impl<S: Stream + ?Sized> FlowExt for S {}
