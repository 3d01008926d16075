//! When a batch is full, and when its time is over.

use super::window::Bounds;
use crate::limit::Limit;
use std::fmt;
use std::time::Duration;

/// The bounds of a [batch](super::Batch): whichever is reached first ends it.
///
/// | bound | unless set |
/// |---|---|
/// | [`new`](Self::new): at most so many items | must be said; [`Limit::MAX`] for as many as there are |
/// | [`within`](Self::within): no longer than that after its first item | it waits for more |
/// | [`weight`](Self::weight): no heavier than that | items weigh nothing |
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::stream::BatchConfig;
/// use std::num::NonZeroUsize;
/// use std::time::Duration;
///
/// const ROWS: NonZeroUsize = NonZeroUsize::new(500).unwrap();
/// const BYTES: NonZeroUsize = NonZeroUsize::new(1 << 20).unwrap();
/// let inserts = BatchConfig::new(ROWS)
///     .within(Duration::from_millis(20))
///     .weight(BYTES, |row: &String| row.len());
/// # let _ = inserts;
///
/// let every_second = BatchConfig::new(Limit::MAX).within(Duration::from_secs(1));
/// # let _ = every_second;
/// ```
///
/// Batches of nothing don't compile:
///
/// ```compile_fail
/// backstay_core::stream::BatchConfig::new(0);
/// ```
///
/// Without a weight it can be in a file; with one its function can't, and its limit is a field of your own.
#[derive(Clone, Copy, PartialEq, Eq)]
#[must_use = "does nothing until a stream is batched with it"]
pub struct BatchConfig<W = Unweighted> {
    pub(super) bounds: Bounds,
    pub(super) weigh: W,
}

impl BatchConfig {
    /// At most so many items in a batch.
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
    ///     let three = BatchConfig::new(Limit::new(3).unwrap());
    ///     stream::iter(1..=4).batch(&rt, three).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [vec![1, 2, 3], vec![4]]);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn new(max: impl Into<Limit>) -> Self {
        Self { bounds: Bounds::new(max.into()), weigh: Unweighted }
    }
}

impl<W> BatchConfig<W> {
    /// A batch is given so long after its first item at the latest.
    ///
    /// With zero a batch waits for nothing: it is what is there at once, 128 items at most; no clock is read. With
    /// [`Duration::MAX`] its time is never over.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::{BatchConfig, FlowExt};
    /// use backstay_core::{Limit, time::ticker};
    /// use futures::StreamExt;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let ticks = ticker(&rt, Duration::from_millis(40)).build().unwrap().enumerate().map(|(number, _)| number);
    ///     let often = BatchConfig::new(Limit::MAX).within(Duration::from_millis(100));
    ///     ticks.take(5).batch(&rt, often).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [vec![0, 1, 2], vec![3, 4]]); // the first at 100 ms, the other at the end, at 160 ms
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "timeout")]
    #[doc(alias = "max_delay")]
    #[doc(alias = "linger")]
    pub fn within(mut self, within: Duration) -> Self {
        self.bounds = self.bounds.within(within);
        self
    }

    pub(in crate::stream) fn parts(self) -> (Bounds, W) {
        (self.bounds, self.weigh)
    }

    /// A batch weighs at most so much, by what `weigh` says of each item: bytes, rows, cost. It is called once for each,
    /// and has to name the type of the item that it takes.
    ///
    /// A sum that is too large for a `usize` counts as [`usize::MAX`].
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
    ///     let bytes = BatchConfig::new(Limit::MAX).weight(Limit::new(8).unwrap(), |line: &&str| line.len());
    ///     let lines = stream::iter(["four", "five5", "a line of its own", "x", "y"]);
    ///     lines.batch(&rt, bytes).collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [vec!["four"], vec!["five5"], vec!["a line of its own"], vec!["x", "y"]]);
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn weight<T, F: FnMut(&T) -> usize>(self, max: impl Into<Limit>, weigh: F) -> BatchConfig<F> {
        BatchConfig { bounds: self.bounds.weight(max.into()), weigh }
    }
}

impl<W> fmt::Debug for BatchConfig<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bounds.fmt(f)
    }
}

/// What says how heavy an item is: a function, or [`Unweighted`].
pub trait Weigh<T: ?Sized> {
    /// How heavy it is.
    fn weigh(&mut self, item: &T) -> usize;
}

/// Items weigh nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unweighted;

impl<T: ?Sized> Weigh<T> for Unweighted {
    #[inline]
    fn weigh(&mut self, _: &T) -> usize {
        0
    }
}

impl<T: ?Sized, F: FnMut(&T) -> usize> Weigh<T> for F {
    #[inline]
    fn weigh(&mut self, item: &T) -> usize {
        self(item)
    }
}
