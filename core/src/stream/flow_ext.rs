//! The trait of the operators: each method makes the operator of the same name, which is where it is described whole.

use super::flatten::{ExhaustMap, FlatMapLimited, SwitchMap};
use super::life::{Share, ShareConfig, Until};
use super::results::{ProcessResults, Values};
use crate::limit::Limit;
use crate::task::CancelToken;
use futures_core::Stream;

/// Operators over time and concurrency, for any [`Stream`].
///
/// See the [module](super) for all of them and what they hold in common.
pub trait FlowExt: Stream {
    // ---- concurrent ----

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

    // ---- batch ----

    // ---- overflow and rate ----

    // ---- merge ----

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
