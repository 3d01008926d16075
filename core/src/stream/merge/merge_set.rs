//! Any number of streams as one (recipe 3.8).

use super::precedence::Precedence;
use crate::future::engine::{Call, FutureSet};
use crate::probe;
use crate::ready_budget::ReadyBudget;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Streams as one, of which some may come and go while it runs; fair, weighted, prioritised.
///
/// It is a [`Stream`] of their items: it ends when it is empty, and goes on when there is another stream in it. Each
/// stream's own items come in their order. With [`events`](Self::events) it also tells whose an item is, and when a
/// stream has ended.
///
/// For streams of different types, box them (`boxed` of `futures`). For two that stay there is
/// [`merge_with`](crate::stream::FlowExt::merge_with); for the latest of a stream of streams, `switch_map`.
///
/// # Fairness
///
/// A turn is every stream that was woken, is new or has given an item, when the turn begins; each gives one item in it
/// or is pending. So where all have items ready, they take turns, in the order of their insertion as a rule.
///
/// * With a [weight](Precedence::weighted), a stream gives up to so many in a row in its turn; one that has nothing
///   ready in the middle of them has the rest in its next turn. (Pekko's `mergePrioritized` draws lots for the same
///   share.)
/// * With a [priority](Precedence::prioritised), all of a lower one wait for as long as one of it has an item ready,
///   for ever if need be. (Pekko's `mergePreferred`.) One that yields, as channels do after 128 items, has one ready as
///   far as that goes, up to 16 times in a row.
///
/// After 128 items that were ready in a row it is pending once, so that a timeout or a stop signal around the loop
/// fires.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next item loses nothing. Dropping the set drops its streams.
///
/// # Panics
///
/// A panic of a stream goes on in who polls the set; that stream is dropped, and the others stay.
///
/// # Cost
///
/// A wake costs the same however many streams wait: only what was woken is polled. A place is used again and again; it
/// costs its share of a block of eight (an allocation of its own where streams are larger than 2 KiB), and one more
/// allocation the first time that a stream in it is pending; nothing for an item. Each *priority* that was ever used
/// costs a look in every poll. Memory is kept until the set is dropped.
///
/// # Examples
///
/// ```
/// use backstay_core::stream::MergeSet;
/// use futures::{StreamExt, stream};
///
/// # futures::executor::block_on(async {
/// let mut set: MergeSet<_> = [vec![1, 2, 3], vec![10, 20]].map(stream::iter).into_iter().collect();
/// assert_eq!(set.next().await, Some(1));
/// let late = set.insert(stream::iter(vec![100, 200]));
/// assert_eq!(set.next().await, Some(10)); // of the turn that had begun
/// assert_eq!(set.next().await, Some(2));
/// assert_eq!(set.next().await, Some(20));
/// assert_eq!(set.next().await, Some(100));
/// assert!(set.remove(late));
/// assert_eq!(set.collect::<Vec<_>>().await, [3]);
/// # });
/// ```
#[doc(alias = "select_all")]
#[doc(alias = "SelectAll")]
#[doc(alias = "StreamMap")]
#[doc(alias = "merge")]
#[doc(alias = "mergePreferred")]
#[doc(alias = "mergePrioritized")]
#[must_use = "streams do nothing unless they are polled"]
pub struct MergeSet<S> {
    // By their priorities, the largest first; one that is empty stays.
    levels: Vec<Level<S>>,
    next_number: u64,
    // How often in a row lower priorities have waited for nothing.
    given_way: u8,
    budget: ReadyBudget,
}

/// How often in a row lower priorities wait for one that was woken, and has given nothing: a stream may yield though it
/// has an item, and so may each operator in it; but nobody may keep others waiting by that alone.
const TURNS: u8 = 16;

/// Those of one priority.
struct Level<S> {
    priority: u8,
    set: FutureSet<S>,
    // Of each stream by its index; what is about one that has gone stays until another has its index.
    members: Vec<Member>,
}

#[derive(Clone, Copy)]
struct Member {
    number: u64,
    weight: usize,
    // How many more items it may give in a row.
    left: usize,
}

/// Names a stream in its [`MergeSet`], and never another one. In the order of insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    number: u64,
    index: usize,
    priority: u8,
}

/// What happens in a [`MergeSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeEvent<T> {
    /// A stream has given an item.
    Item(StreamKey, T),
    /// A stream has ended, and is in the set no more.
    Ended(StreamKey),
}

impl<S> MergeSet<S> {
    /// An empty set.
    pub const fn new() -> Self {
        Self { levels: Vec::new(), next_number: 0, given_way: 0, budget: ReadyBudget::new() }
    }

    /// Adds a stream, as one of many equals. It is polled when the set is.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::MergeSet;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut set = MergeSet::new();
    /// set.insert(stream::iter(vec![1, 2]));
    /// assert_eq!(set.by_ref().collect::<Vec<_>>().await, [1, 2]); // empty, and at its end
    /// let late = set.insert(stream::iter(vec![3]));
    /// assert!(set.contains(late));
    /// assert_eq!(set.next().await, Some(3)); // it goes on
    /// # });
    /// ```
    pub fn insert(&mut self, stream: S) -> StreamKey {
        self.insert_with(stream, Precedence::default())
    }

    /// Adds a stream with a weight or a priority.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::{MergeSet, Precedence};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut set = MergeSet::new();
    /// set.insert(stream::iter(vec!["job"; 2]));
    /// set.insert_with(stream::iter(vec!["stop"]), Precedence::prioritised(9));
    /// assert_eq!(set.collect::<Vec<_>>().await, ["stop", "job", "job"]);
    /// # });
    /// ```
    pub fn insert_with(&mut self, stream: S, precedence: Precedence) -> StreamKey {
        let priority = precedence.priority();
        let at = self.levels.partition_point(|level| level.priority > priority);
        if self.levels.get(at).is_none_or(|level| level.priority != priority) {
            self.levels.insert(at, Level { priority, set: FutureSet::new(), members: Vec::new() });
        }
        let number = self.next_number;
        self.next_number += 1;
        let weight = precedence.weight().get();
        let index = self.levels[at].insert(stream, Member { number, weight, left: weight });
        StreamKey { number, index, priority }
    }

    /// Drops a stream, and tells whether it was there still.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::MergeSet;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut set = MergeSet::new();
    /// let gone = set.insert(stream::iter(vec!["unwanted"; 9]));
    /// set.insert(stream::iter(vec!["wanted"]));
    /// assert!(set.remove(gone));
    /// assert!(!set.remove(gone));
    /// assert_eq!(set.collect::<Vec<_>>().await, ["wanted"]);
    /// # });
    /// ```
    pub fn remove(&mut self, key: StreamKey) -> bool {
        let Some(level) = self.level_of(key) else { return false };
        self.levels[level].set.remove(key.index)
    }

    /// Takes a stream out, if it is there still, with the items that it has not given.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::MergeSet;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut set = MergeSet::new();
    /// let numbers = set.insert(stream::iter(1..=3));
    /// assert_eq!(set.next().await, Some(1));
    /// let rest = set.extract(numbers).expect("it has not ended");
    /// assert_eq!(rest.collect::<Vec<_>>().await, [2, 3]); // read elsewhere
    /// assert!(set.is_empty() && set.extract(numbers).is_none());
    /// # });
    /// ```
    pub fn extract(&mut self, key: StreamKey) -> Option<S>
    where
        S: Unpin,
    {
        let level = self.level_of(key)?;
        self.levels[level].set.take(key.index)
    }

    /// Whether a stream is there still.
    pub fn contains(&self, key: StreamKey) -> bool {
        self.level_of(key).is_some()
    }

    /// How many streams there are.
    pub fn len(&self) -> usize {
        self.levels.iter().map(|level| level.set.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.levels.iter().all(|level| level.set.is_empty())
    }

    /// Drops all streams.
    ///
    /// # Panics
    ///
    /// If a stream's destructor does; the others are dropped all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::MergeSet;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut set: MergeSet<_> = [stream::iter(1..), stream::iter(10..)].into_iter().collect();
    /// assert_eq!(set.next().await, Some(1));
    /// set.clear();
    /// assert_eq!(set.next().await, None);
    /// # });
    /// ```
    pub fn clear(&mut self) {
        self.levels.clear();
    }

    /// Which level a stream is in.
    fn level_of(&self, key: StreamKey) -> Option<usize> {
        let at = self.levels.binary_search_by(|level| key.priority.cmp(&level.priority)).ok()?;
        let level = &self.levels[at];
        let is_there = level.set.contains(key.index) && level.members[key.index].number == key.number;
        is_there.then_some(at)
    }
}

impl<S: Stream> MergeSet<S> {
    /// The set as a stream of [`MergeEvent`]s: whose each item is, and which streams have ended. It ends as the set
    /// does, and can be made anew for each: nothing is in it.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::{MergeEvent, MergeSet};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut connections = MergeSet::new();
    /// let ada = connections.insert(stream::iter(["hello"]));
    /// assert_eq!(connections.events().next().await, Some(MergeEvent::Item(ada, "hello")));
    /// assert_eq!(connections.events().next().await, Some(MergeEvent::Ended(ada)));
    /// assert_eq!(connections.events().next().await, None);
    /// # });
    /// ```
    pub const fn events(&mut self) -> MergeEvents<'_, S> {
        MergeEvents { set: self }
    }

    #[inline]
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<MergeEvent<S::Item>>> {
        for level in &mut self.levels {
            if let Poll::Ready(event) = level.poll_event(cx) {
                self.given_way = 0;
                return Poll::Ready(Some(event));
            }
            // It has to be polled again, and is before a lower one.
            if level.set.is_woken() && self.given_way < TURNS {
                self.given_way += 1;
                return Poll::Pending;
            }
        }
        // All have been asked: the next time that somebody has to wait is another row.
        self.given_way = 0;
        if self.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl<S> Level<S> {
    fn insert(&mut self, stream: S, member: Member) -> usize {
        let index = self.set.insert(stream);
        if self.members.len() <= index {
            self.members.resize(index + 1, member);
        }
        self.members[index] = member;
        index
    }

    /// What comes next of these; pending too where there are none.
    #[inline]
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<MergeEvent<S::Item>>
    where
        S: Stream,
    {
        let Self { priority, set, members } = self;
        let mut call = Call::default();
        let poll = set.poll_item(&mut call, |index| members[index].goes_on());
        let Poll::Ready((index, item)) = poll else {
            // Ready where there are none, and that is no event.
            let _ = set.rest(cx);
            return Poll::Pending;
        };
        let key = StreamKey { number: members[index].number, index, priority: *priority };
        Poll::Ready(item.map_or(MergeEvent::Ended(key), |item| MergeEvent::Item(key, item)))
    }
}

impl Member {
    /// Whether it may give another item in this turn, after one.
    #[inline]
    const fn goes_on(&mut self) -> bool {
        self.left -= 1;
        if self.left == 0 {
            self.left = self.weight;
            return false;
        }
        true
    }
}

impl<S: Stream> Stream for MergeSet<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut events = self.events();
        loop {
            match ready!(Pin::new(&mut events).poll_next(cx)) {
                Some(MergeEvent::Item(_, item)) => return Poll::Ready(Some(item)),
                Some(MergeEvent::Ended(_)) => {}
                None => return Poll::Ready(None),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, if self.is_empty() { Some(0) } else { None })
    }
}

impl<S: Stream> FusedStream for MergeSet<S> {
    fn is_terminated(&self) -> bool {
        self.is_empty()
    }
}

/// The stream of [`MergeSet::events`].
#[must_use = "streams do nothing unless they are polled"]
pub struct MergeEvents<'a, S> {
    set: &'a mut MergeSet<S>,
}

impl<S: Stream> Stream for MergeEvents<'_, S> {
    type Item = MergeEvent<S::Item>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let set = &mut *self.set;
        ready!(set.budget.poll_proceed(cx));
        let poll = set.poll_event(cx);
        set.budget.note(&poll);
        if poll.is_pending() {
            probe::waiting(|| format!("one of {} streams", set.len()));
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // Each of them has an end still.
        (self.set.len(), if self.set.is_empty() { Some(0) } else { None })
    }
}

impl<S: Stream> FusedStream for MergeEvents<'_, S> {
    fn is_terminated(&self) -> bool {
        self.set.is_empty()
    }
}

impl<S> Default for MergeSet<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S> Extend<S> for MergeSet<S> {
    fn extend<I: IntoIterator<Item = S>>(&mut self, streams: I) {
        for stream in streams {
            self.insert(stream);
        }
    }
}

impl<S> FromIterator<S> for MergeSet<S> {
    fn from_iter<I: IntoIterator<Item = S>>(streams: I) -> Self {
        let mut set = Self::new();
        set.extend(streams);
        set
    }
}

// The streams are pinned in blocks of the sets', and nothing is in this.
impl<S> Unpin for MergeSet<S> {}

impl<S> fmt::Debug for MergeSet<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergeSet").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for MergeEvents<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MergeEvents").field("set", &self.set).finish()
    }
}
