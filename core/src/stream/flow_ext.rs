//! The trait of the operators: each method makes the operator of the same name, which is where it is described whole.

use super::batch::{Batch, BatchConfig, Weigh};
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

    // ---- merge ----

    // ---- life ----

    // ---- results ----
}

impl<S: Stream + ?Sized> FlowExt for S {}
