//! The trait of the operators: each method makes the operator of the same name, which is where it is described whole.

use super::timing::{
    Audit, Debounce, DebounceByKey, Edge, FirstTimeout, ItemTimeout, LimitEmissions, Pace, Sample,
    TotalTimeout,
};
use crate::runtime::Runtime;
use futures_core::Stream;
use std::hash::Hash;
use std::time::Duration;

/// Operators over time and concurrency, for any [`Stream`].
///
/// See the [module](super) for all of them and what they hold in common.
pub trait FlowExt: Stream {
    // ---- concurrent ----

    // ---- flatten ----

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

    // ---- overflow and rate ----

    // ---- merge ----

    // ---- life ----

    // ---- results ----
}

impl<S: Stream + ?Sized> FlowExt for S {}
