//! One stream, read by many.

mod config;
mod error;
mod signal;
mod state;

pub use config::{ShareConfig, SlowReader};
pub use error::ShareError;

use crate::primitives::{Mutex, lock};
use crate::probe;
use crate::ready_budget::ReadyBudget;
use crate::runtime::Panic;
use crate::runtime::backend::quietly;
use crate::sync::own_waker::{OwnWaker, poll_locked};
use crate::sync::wait_list::{Key, Wakers};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use signal::{Signal, Turn};
use state::{Items, Read, Reader};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

/// One of many readers of one source; clone it for each other. The stream of
/// [`FlowExt::share`](crate::stream::FlowExt::share).
///
/// Every reader gets every item of the source, as a clone, from when it was made; one that is made later, as a clone
/// of another or by a [handle](Self::handle), gets the last `replay` items first. It is Rx's `share` and
/// `shareReplay`, and Kotlin's `shareIn`, without a task: the source runs while some reader is polled, and begins
/// with the first poll of any. Whichever reader finds that it has read all and that the source has something to do
/// polls it on; the others wait.
///
/// Use a [`broadcast`](crate::channel::broadcast) where items are sent, and a task where the source should run though
/// nobody reads.
///
/// # Readers that don't keep up
///
/// As many items are kept as are replayed, and [`buffer`](ShareConfig::buffer) others. What becomes of a reader that
/// is further behind than that is chosen by name, a [`SlowReader`]: it keeps the others waiting, or is told how many
/// it has missed, as [`ShareError::Lagged`], and skips or ends. [`missed`](Self::missed) counts them.
///
/// A reader that is kept and never polled is such a reader. For somewhere to get readers from, keep a
/// [handle](Self::handle). Readers that are to miss nothing are all made before the first of them is polled.
///
/// # At the end, on error, on drop
///
/// When the source ends it is dropped at once; each reader gets what it has still to read, then the end, and one that
/// comes later what is replayed. An error is an item. A panic of the source is a [`ShareError`] for every reader, in
/// the same place, and unwinds nowhere.
///
/// # Cancel safety
///
/// A reader that is dropped takes nothing from the others: if it was woken to poll the source, the next is. When the
/// last is dropped, and there is no handle, the source is.
///
/// A reader that was woken must be polled or dropped: one that is kept and not polled may keep the others waiting.
///
/// # Cost
///
/// Three allocations to begin with, and one for each item; memory for the items grows with what is kept. To read is
/// one critical section, and a clone of the item for all but the last that reads it. A wake of the source wakes one
/// reader, an item all that wait. After 128 items that were there in a row a reader yields.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::stream::{FlowExt, ShareConfig, ShareError, SlowReader};
/// use backstay_core::Limit;
/// use futures::{StreamExt, stream};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let config = ShareConfig::new(1).buffer(Limit::new(2).unwrap()).slow_reader(SlowReader::Skips);
///     let mut reader = stream::iter(1..=9).share(config);
///     let mut slow = reader.clone();
///     for number in 1..=8 {
///         assert_eq!(reader.next().await, Some(Ok(number)));
///     }
///     assert_eq!(slow.next().await, Some(Err(ShareError::Lagged(5))));
///     assert_eq!(slow.next().await, Some(Ok(6)));
///     let late: Vec<_> = reader.clone().map(Result::unwrap).collect().await;
///     assert_eq!(late, [8, 9]);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "shareReplay")]
#[doc(alias = "shareIn")]
#[doc(alias = "publish")]
#[must_use = "streams do nothing unless they are polled"]
pub struct Share<S: Stream> {
    inner: Arc<Inner<S>>,
    reader: Reader,
    place: Option<Key>,
    missed: u64,
    has_ended: bool,
    budget: ReadyBudget,
}

/// Where readers of a shared stream come from, itself none; made by [`Share::handle`].
///
/// It keeps the source, which stands still while there are no readers and goes on with the next. With the last handle
/// and the last reader the source is dropped.
pub struct ShareHandle<S: Stream> {
    inner: Arc<Inner<S>>,
}

struct Inner<S: Stream> {
    core: Mutex<Core<S::Item>>,
    // Taken out by who polls it, whose turn it is alone: the lock is free whenever somebody takes it.
    source: Mutex<Option<Pin<Box<S>>>>,
    // Locked alone, or inside of `core`. It knows nothing of the source: wakers that are kept keep neither it nor
    // its items.
    signal: Arc<Signal>,
    // The signal's, made once.
    waker: Waker,
}

struct Core<T> {
    items: Items<T>,
    // Set once, before the signal says that it has ended.
    panic: Option<Arc<Panic>>,
}

/// What a reader that is polled has to do; wakers are to be woken, and all else dropped, while no lock is held.
enum Step<T> {
    Give(Arc<T>, Option<Waker>),
    Lagged(u64),
    Drive,
    End(Option<Arc<Panic>>),
}

impl<S: Stream> Share<S> {
    pub(in crate::stream) fn new(source: S, config: ShareConfig) -> Self {
        let (replay, most, slow_reader) = config.parts();
        let signal = Arc::new(Signal::new());
        let inner = Inner {
            core: Mutex::new(Core { items: Items::new(replay, most, slow_reader), panic: None }),
            source: Mutex::new(Some(Box::pin(source))),
            waker: Waker::from(Arc::clone(&signal)),
            signal,
        };
        Self::subscribed(&Arc::new(inner))
    }

    fn subscribed(inner: &Arc<Inner<S>>) -> Self {
        let reader = lock(&inner.core).items.subscribe();
        let inner = Arc::clone(inner);
        Self { inner, reader, place: None, missed: 0, has_ended: false, budget: ReadyBudget::new() }
    }

    /// Where further readers come from, when this one is gone too.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::executor::block_on;
    /// use futures::{StreamExt, stream};
    ///
    /// let mut first = stream::iter(1..=3).share(1);
    /// let news = first.handle();
    /// assert_eq!(block_on(first.next()), Some(Ok(1)));
    /// drop(first); // nobody reads, and the source stands still
    /// let items: Vec<_> = block_on(news.subscribe().map(Result::unwrap).collect());
    /// assert_eq!(items, [1, 2, 3]);
    /// ```
    pub fn handle(&self) -> ShareHandle<S> {
        ShareHandle { inner: Arc::clone(&self.inner) }
    }

    /// How many items this reader has missed so far, as it was told.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::stream::{FlowExt, ShareConfig, ShareError, SlowReader};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let config = ShareConfig::new(0).buffer(Limit::new(2)?).slow_reader(SlowReader::Skips);
    /// let reader = stream::iter(1..=5).share(config);
    /// let mut slow = reader.clone();
    /// assert_eq!(reader.count().await, 5);
    /// assert_eq!(slow.missed(), 0); // it has not been told
    /// assert_eq!(slow.next().await, Some(Err(ShareError::Lagged(3))));
    /// assert_eq!(slow.missed(), 3);
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub const fn missed(&self) -> u64 {
        self.missed
    }

    /// What this reader has to do now.
    fn step(&mut self, cx: &Context<'_>) -> Poll<Step<S::Item>> {
        let Self { inner, reader, place, .. } = self;
        poll_locked(cx, |own| inner.step(reader, place, own))
    }

    fn leave(&mut self) {
        // Dropped the other way round, after the lock is free: readers are woken, and then items go.
        let (_unwanted, _left);
        let mut wakers = Wakers::new();
        let mut core = lock(&self.inner.core);
        let (unwanted, makes_room) = core.items.unsubscribe(&mut self.reader);
        _unwanted = unwanted;
        let (left, next) = self.inner.signal.give_up(&mut self.place);
        _left = left;
        let room = if makes_room { self.inner.signal.room() } else { None };
        drop(core);
        [next, room].into_iter().flatten().for_each(|waker| wakers.push(waker));
    }
}

impl<S: Stream> Inner<S> {
    fn step(
        &self,
        reader: &mut Reader,
        place: &mut Option<Key>,
        own: &mut OwnWaker<'_>,
    ) -> Poll<Step<S::Item>> {
        let mut core = lock(&self.core);
        Poll::Ready(match core.items.read(reader) {
            Read::Item(item, makes_room) => {
                own.discard(self.signal.leave(place));
                Step::Give(item, if makes_room { self.signal.room() } else { None })
            }
            Read::Lagged(missed) => {
                own.discard(self.signal.leave(place));
                Step::Lagged(missed)
            }
            Read::Left => Step::End(None),
            Read::Nothing => match self.signal.enter(place, core.items.has_room(), own) {
                Turn::Poll => Step::Drive,
                Turn::Wait => return Poll::Pending,
                Turn::Ended => Step::End(core.panic.clone()),
            },
        })
    }

    /// Polls the source, by who has the turn; the others wait until this has said how it went. Ready where something
    /// has come of it.
    fn drive(&self, place: &mut Option<Key>, cx: &Context<'_>) -> Poll<()> {
        let source = lock(&self.source).take();
        let Some(mut source) = source else { unreachable!("who has the turn has the source") };
        let poll = || match source.as_mut().poll_next(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(item) => Ok(item),
            Poll::Pending => Err(cx.waker().clone()),
        };
        let panic = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Err(waker)) => {
                *lock(&self.source) = Some(source);
                if let Some(next) = self.signal.rest(place, waker) {
                    next.wake();
                }
                return Poll::Pending;
            }
            Ok(Ok(Some(item))) => {
                *lock(&self.source) = Some(source);
                self.give(Arc::new(item));
                return Poll::Ready(());
            }
            Ok(Ok(None)) => None,
            Err(payload) => Some(Arc::new(Panic::new(payload))),
        };
        quietly(|| drop(source));
        let mut wakers = Wakers::new();
        let mut core = lock(&self.core);
        core.panic = panic;
        self.signal.end(&mut wakers);
        drop(core);
        Poll::Ready(())
    }

    fn give(&self, item: Arc<S::Item>) {
        // Dropped the other way round, after the lock is free: readers are woken, and then the oldest item goes.
        let _unwanted;
        let mut wakers = Wakers::new();
        let mut core = lock(&self.core);
        _unwanted = core.items.push(item);
        self.signal.item(&mut wakers);
        drop(core);
    }
}

impl<S: Stream<Item: Clone>> Share<S> {
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<S::Item, ShareError>>> {
        loop {
            match ready!(self.step(cx)) {
                Step::Give(item, next) => {
                    if let Some(next) = next {
                        next.wake();
                    }
                    return Poll::Ready(Some(Ok(Arc::unwrap_or_clone(item))));
                }
                Step::Lagged(missed) => {
                    self.missed += missed;
                    if lock(&self.inner.core).items.lag_is_the_end() {
                        self.leave();
                    }
                    return Poll::Ready(Some(Err(ShareError::Lagged(missed))));
                }
                Step::Drive => ready!(self.inner.drive(&mut self.place, cx)),
                Step::End(panic) => {
                    self.has_ended = true;
                    return Poll::Ready(panic.map(|panic| Err(ShareError::Panicked(panic))));
                }
            }
        }
    }
}

impl<S: Stream<Item: Clone>> Stream for Share<S> {
    type Item = Result<S::Item, ShareError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.has_ended {
            return Poll::Ready(None);
        }
        ready!(this.budget.poll_proceed(cx));
        let poll = this.poll_item(cx);
        this.budget.note(&poll);
        if poll.is_pending() {
            probe::waiting(|| this.inner.describe());
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.has_ended {
            return (0, Some(0));
        }
        let core = lock(&self.inner.core);
        let panic = usize::from(core.panic.is_some());
        let most = self.inner.signal.has_ended().then(|| core.items.rest(&self.reader) + panic);
        (core.items.least(&self.reader), most)
    }
}

impl<S: Stream<Item: Clone>> FusedStream for Share<S> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<S: Stream> Clone for Share<S> {
    /// Another reader, of the last items and of all that come, wherever this one is.
    fn clone(&self) -> Self {
        Self::subscribed(&self.inner)
    }
}

impl<S: Stream> Drop for Share<S> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<S: Stream> ShareHandle<S> {
    /// A reader of the last items and of all that come.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let news = stream::iter(1..=3).share(0).handle(); // and no reader
    /// let (mut one, mut other) = (news.subscribe(), news.subscribe());
    /// assert_eq!(one.next().await, Some(Ok(1)));
    /// assert_eq!(other.next().await, Some(Ok(1)));
    /// let mut late = news.subscribe();
    /// assert_eq!(late.next().await, Some(Ok(2))); // nothing is replayed
    /// # });
    /// ```
    pub fn subscribe(&self) -> Share<S> {
        Share::subscribed(&self.inner)
    }

    /// How many readers there are.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::FlowExt;
    /// use futures::stream;
    ///
    /// let first = stream::iter(1..=3).share(0);
    /// let news = first.handle();
    /// let second = news.subscribe();
    /// assert_eq!(news.readers(), 2);
    /// drop((first, second));
    /// assert_eq!(news.readers(), 0); // for who stops what nobody reads
    /// ```
    pub fn readers(&self) -> usize {
        lock(&self.inner.core).items.readers()
    }
}

impl<S: Stream> Clone for ShareHandle<S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<S: Stream> Inner<S> {
    /// For whoever reads why a program stands still.
    fn describe(&self) -> String {
        let core = lock(&self.core);
        let (kept, readers) = (core.items.kept(), core.items.readers());
        format!("shared stream, {kept} kept, {} of {readers} readers waiting", self.signal.waiting())
    }
}

impl<S: Stream> fmt::Debug for Share<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("missed", &self.missed)
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}

impl<S: Stream> fmt::Debug for ShareHandle<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShareHandle").field("readers", &self.readers()).finish_non_exhaustive()
    }
}
