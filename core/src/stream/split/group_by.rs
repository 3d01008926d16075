//! A stream for each key.

mod config;
mod groups;

pub use config::GroupByConfig;

use crate::channel::mpsc::Receiver;
use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::runtime::Runtime;
use crate::sip_keys::SipKeys;
use crate::stream::concurrent::EachConcurrent;
use crate::stream::flow_ext::FlowExt;
use crate::stream::in_place::poll_in_place;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use groups::{Begun, Groups};
use pin_project_lite::pin_project;
use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A stream of groups, one for each key, each of which is a stream of that key's items. The stream of
    /// [`FlowExt::group_by`](crate::stream::FlowExt::group_by).
    ///
    /// The operator of Rx and Pekko. A key that has no group begins one with its item, which this gives; further items
    /// of the key go to that group, in their order.
    ///
    /// **This one drives**: the source is polled while this is, and a group only gives what it was handed. So the groups
    /// are read while this is polled: [`each_group`](Self::each_group) does both, and so do a task for each group and
    /// [`flat_map_limited`](crate::stream::FlowExt::flat_map_limited) with room for one more than there may be groups,
    /// for it doesn't poll this while it has none. A loop that reads one group to its end before it asks for the next
    /// waits for ever.
    ///
    /// # Groups come and go
    ///
    /// There are at most [`max_groups`](GroupByConfig::new). **When another key comes, the group that has had no item
    /// for the longest time ends**, after what it has still to give: no item is lost, and its key begins another group
    /// when it comes again. So does a key whose group was dropped. A group that was dropped with items in it has them
    /// dropped; it counts as one until its key comes again or it is its turn to end.
    ///
    /// # Backpressure
    ///
    /// A group keeps up to [`places`](GroupByConfig::places) items for its reader. For one that is full the source
    /// waits, and with it all others; or items are dropped, as its [`Overflow`](crate::channel::mpsc::Overflow) says, and
    /// [counted](Group::dropped).
    ///
    /// # At the end, on error, on drop
    ///
    /// With the source all groups end, after what they have to give, and then this. An error is an item. Dropped, it
    /// drops the source, and the item that waits for a place; the groups give what they have.
    ///
    /// # Cancel safety
    ///
    /// Dropping a future that waits for the next group or the next item loses nothing.
    ///
    /// # Panics
    ///
    /// A panic of the key's function, of its `Hash`, `Eq` or `clone` goes on in whoever polls; that item is lost. So does one
    /// of the source, which has ended then.
    ///
    /// # Cost
    ///
    /// For an item a hash and the short lock of a channel; two allocations for a group. The hash is keyed (SipHash-1-3,
    /// with keys from the runtime's random numbers), so that nobody can choose keys that collide. To find the group that
    /// is to end costs the same however many there are. After 128 items that were ready in a row it yields.
    #[must_use = "streams do nothing unless they are polled"]
    pub struct GroupBy<S: Stream, K, F> {
        // `None` when it has ended.
        #[pin]
        source: Option<S>,
        key: F,
        groups: Groups<K, S::Item>,
        budget: ReadyBudget,
    }
}

/// The items of one key: an item of [`GroupBy`].
///
/// # Cancel safety
///
/// Dropping a future that waits for the next item loses nothing. Dropped itself, it drops what it has not given.
#[must_use = "dropped, it drops its items"]
pub struct Group<K, T> {
    key: K,
    items: Receiver<T>,
}

impl<S: Stream, K, F> GroupBy<S, K, F> {
    pub(in crate::stream) fn new<R: Runtime>(source: S, rt: &R, config: GroupByConfig, key: F) -> Self {
        Self {
            source: Some(source),
            key,
            groups: Groups::new(config, SipKeys(rt.random_u64(), rt.random_u64())),
            budget: ReadyBudget::new(),
        }
    }

    /// Runs `body` for each group, all at the same time, and drives the source beside them: a future.
    ///
    /// One body more may run than there are groups, that of one which has ended; then the source waits for it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the bodies, the groups and the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::{Limit, Runtime};
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let orders = stream::iter(["ann 1", "bob 1", "ann 2", "ann 3"]);
    ///     let ten = Limit::new(10).expect("it is not zero");
    ///     let by_user = orders.group_by(&rt, ten, |order| order.split(' ').next());
    ///     // One after the other for each user, and all users at once.
    ///     by_user.each_group(async |mut orders| {
    ///         while let Some(_) = orders.next().await {
    ///             rt.sleep(Duration::from_secs(1)).await;
    ///         }
    ///     })
    ///     .await;
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_secs(3));
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn each_group<B, Fut>(self, body: B) -> EachConcurrent<Self, B, Fut>
    where
        K: Hash + Eq + Clone,
        F: FnMut(&S::Item) -> K,
        B: FnMut(Group<K, S::Item>) -> Fut,
        Fut: Future<Output = ()>,
    {
        // With room for the next group, it is polled.
        let bodies = self.groups.config().max_groups.plus_one();
        self.each_concurrent(bodies, body)
    }
}

impl<S, K, F> Stream for GroupBy<S, K, F>
where
    S: Stream,
    K: Hash + Eq + Clone,
    F: FnMut(&S::Item) -> K,
{
    type Item = Group<K, S::Item>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        loop {
            if let Some(begun) = ready!(this.groups.poll_held(cx)) {
                return Poll::Ready(Some(begun.into()));
            }
            ready!(this.budget.poll_proceed(cx));
            let poll = poll_in_place(this.source.as_mut(), |source| source.poll_next(cx));
            let poll = poll.unwrap_or(Poll::Ready(None));
            this.budget.note(&poll);
            match poll {
                Poll::Ready(Some(item)) => {
                    let key = (this.key)(&item);
                    if let Some(begun) = this.groups.hand(key, item) {
                        return Poll::Ready(Some(begun.into()));
                    }
                }
                Poll::Ready(None) => {
                    this.source.set(None);
                    this.groups.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    probe::waiting(|| format!("the source of {} groups", this.groups.len()));
                    return Poll::Pending;
                }
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (_, most) = self.source.as_ref().map_or((0, Some(0)), Stream::size_hint);
        (0, most.and_then(|most| most.checked_add(usize::from(self.groups.holds_one()))))
    }
}

impl<S, K, F> FusedStream for GroupBy<S, K, F>
where
    S: Stream,
    K: Hash + Eq + Clone,
    F: FnMut(&S::Item) -> K,
{
    fn is_terminated(&self) -> bool {
        self.source.is_none()
    }
}

impl<K, T> Group<K, T> {
    /// What its items have in common.
    pub const fn key(&self) -> &K {
        &self.key
    }

    /// How many items there was no place for, with an [`Overflow`](crate::channel::mpsc::Overflow) that drops.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc::Overflow;
    /// use backstay_core::stream::{FlowExt, GroupByConfig};
    /// use futures::{StreamExt, stream};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let newest = GroupByConfig::new(Limit::MAX).places(Limit::ONE).overflow(Overflow::DropOldest);
    ///     let mut groups = stream::iter(1..=10).group_by(&rt, newest, |number| number % 2);
    ///     let (mut odd, even) = (groups.next().await.unwrap(), groups.next().await.unwrap());
    ///     assert_eq!((odd.key(), even.key()), (&1, &0));
    ///     assert!(groups.next().await.is_none());
    ///     assert_eq!((odd.dropped(), odd.next().await, odd.next().await), (4, Some(9), None));
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn dropped(&self) -> u64 {
        self.items.dropped()
    }
}

impl<K, T> From<Begun<K, T>> for Group<K, T> {
    fn from(Begun { key, items }: Begun<K, T>) -> Self {
        Self { key, items }
    }
}

// A key is not pinned.
impl<K, T> Unpin for Group<K, T> {}

impl<K, T> Stream for Group<K, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.items.poll_recv(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<S: Stream, K, F> fmt::Debug for GroupBy<S, K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBy")
            .field("has_ended", &self.source.is_none())
            .field("groups", &self.groups.len())
            .finish_non_exhaustive()
    }
}

impl<K: fmt::Debug, T> fmt::Debug for Group<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("key", &self.key)
            .field("len", &self.items.len())
            .finish_non_exhaustive()
    }
}
