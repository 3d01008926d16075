//! How many items an operator has dropped, for those who have not got the operator any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many items an operator has dropped so far.
///
/// A clone counts the same. It outlives its operator, and is of use where that is inside of a chain of others.
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
///     let settled = stream::iter(0..10).debounce(&rt, Duration::from_secs(1));
///     let dropped = settled.drop_count();
///     let items: Vec<_> = settled.map(|number| number * 2).collect().await;
///     (items, dropped.get())
/// })?;
/// assert_eq!(run.value, (vec![18], 9));
/// # Ok::<(), Failure>(())
/// ```
// Of the standard library also under loom: it orders nothing, and a model would only have more to try.
#[derive(Clone, Debug, Default)]
pub struct DropCount(Arc<AtomicU64>);

impl DropCount {
    /// How many there were so far.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc::{self, Overflow};
    /// use backstay_core::stream::FlowExt;
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, degrees) = mpsc::channel(Limit::new(100)?);
    /// let newest = degrees.buffer(Limit::ONE, Overflow::DropOldest);
    /// let dropped = newest.drop_count();
    /// let mut shown = newest.map(|degrees| format!("{degrees} °C")); // it is out of sight
    /// for degrees in [19, 20, 21] {
    ///     sender.send(degrees).await?;
    /// }
    /// assert_eq!(dropped.get(), 0); // nobody has read yet
    /// assert_eq!(shown.next().await.as_deref(), Some("21 °C"));
    /// assert_eq!(dropped.get(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// One more. Only ever called by the one operator that counts.
    pub(crate) fn count(&self) {
        // Loaded and stored, which is cheaper than added: nobody else writes.
        self.0.store(self.get().saturating_add(1), Ordering::Relaxed);
    }
}
