//! The trait of the operators: each method makes the operator of the same name, which is where it is described whole.

use super::batch::{Batch, BatchConfig, Weigh};
use super::overflow::{Buffer, BufferOrFail, Conflate, RateLimit};
use crate::channel::mpsc::Overflow;
use crate::limit::Limit;
use crate::resilience::RateLimiter;
use crate::runtime::Runtime;
use futures_core::Stream;

/// Operators over time and concurrency, for any [`Stream`].
///
/// See the [module](super) for all of them and what they hold in common.
pub trait FlowExt: Stream {
    // ---- concurrent ----

    // ---- flatten ----

    // ---- timing ----

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

    // ---- life ----

    // ---- results ----
}

impl<S: Stream + ?Sized> FlowExt for S {}
