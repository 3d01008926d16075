//! A source with a task of its own, ahead of its reader.

use super::progress::Drive;
use crate::channel::mpsc::{self, Receiver, Sender};
use crate::limit::Limit;
use crate::probe;
use crate::runtime::{JoinError, Runtime, SpawnSite};
use crate::task::{JoinSet, Parent, TaskId};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

/// The stream of [`FlowExt::spawned`](crate::stream::FlowExt::spawned): what a task makes of the source, in its order.
///
/// The task is spawned by the first poll, and drives the source whether or not anybody polls the stream, until
/// `places` items wait for the reader. Then the source waits; but what is in flight in a
/// [`MapConcurrent`](super::MapConcurrent) goes on even then.
///
/// # The end
///
/// It ends when the source has, all items are given and the task is gone. Where the **runtime** ends first, so does the
/// stream, with the items that wait in it; [`failure`](Self::failure) tells that from an end of the source.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next item loses nothing. Dropping the stream drops the items that wait, and
/// aborts the task. It can't wait for that: the parent does, if it was given one that waits (a
/// [`TaskScope`](crate::task::TaskScope), a [`Shutdown`](crate::task::Shutdown)); see [`Parent`]. To wait for it, and to
/// have the items, use [`stop`](Self::stop).
///
/// # Panics
///
/// A panic of the source goes on in the reader, after the items that came before it.
///
/// # Cost
///
/// A task and a bounded [channel](crate::channel::mpsc). Nothing is allocated for each item.
#[must_use = "streams do nothing unless they are polled"]
pub struct Spawned<R: Runtime, S: Stream> {
    tasks: JoinSet<R, TaskId, ()>,
    state: State<S>,
    failure: Option<JoinError>,
}

/// | state | left by |
/// |---|---|
/// | new | the first poll: a task is spawned |
/// | running | the end of the task, when all items are given |
/// | ended | – |
enum State<S: Stream> {
    New { source: S, places: Limit, drive: Drive<S>, location: &'static Location<'static> },
    Running(Receiver<S::Item>),
    Ended,
}

impl<R: Runtime, S> Spawned<R, S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    #[track_caller]
    pub(crate) fn new(source: S, parent: &impl Parent<Runtime = R>, places: Limit, drive: Drive<S>) -> Self {
        let state = State::New { source, places, drive, location: Location::caller() };
        Self { tasks: JoinSet::new(parent), state, failure: None }
    }

    /// Aborts the task, waits until the source is dropped, and gives the items that wait; of a stream that was never
    /// polled, none.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the items, and leaves the task to be waited for by its parent.
    ///
    /// # Panics
    ///
    /// A panic of the source goes on here.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{Limit, Runtime};
    /// use futures::{StreamExt, stream};
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let mut numbers = stream::iter(1..).spawned(&rt, Limit::new(3).unwrap());
    ///     assert_eq!(numbers.next().await, Some(1));
    ///     rt.sleep(std::time::Duration::from_millis(1)).await;
    ///     assert_eq!(numbers.stop().await, [2, 3, 4]);
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub async fn stop(mut self) -> Vec<S::Item> {
        self.tasks.abort_all();
        if let Some((_, Err(JoinError::Panicked(panic)))) = self.tasks.join_next().await {
            panic.resume();
        }
        let mut items = Vec::new();
        if let State::Running(mut receiver) = mem::replace(&mut self.state, State::Ended) {
            while let Ok(item) = receiver.try_recv() {
                items.push(item);
            }
        }
        items
    }

    fn start(&mut self) {
        let State::New { places, .. } = self.state else { return };
        let (sender, receiver) = mpsc::channel(places);
        let new = mem::replace(&mut self.state, State::Running(receiver));
        if let State::New { source, drive, location, .. } = new {
            let site = SpawnSite::new(Some("a stream's source"), location);
            self.tasks.start_with_id(forward(source, sender, drive), site);
        }
    }
}

impl<R: Runtime, S: Stream> Spawned<R, S> {
    /// How many items wait for the reader.
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
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let mut numbers = stream::iter(1..).spawned(&rt, Limit::new(3).unwrap());
    ///     assert_eq!(numbers.waiting(), 0); // not begun
    ///     assert_eq!(numbers.next().await, Some(1));
    ///     rt.sleep(Duration::from_millis(1)).await;
    ///     assert_eq!(numbers.waiting(), 3); // and no more, while nobody reads
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn waiting(&self) -> usize {
        match &self.state {
            State::Running(receiver) => receiver.len(),
            State::New { .. } | State::Ended => 0,
        }
    }

    /// Why the stream has ended before its source did: the runtime has.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::smol::SmolOwner;
    /// use backstay_core::stream::FlowExt;
    /// use backstay_core::{BlockOn, Config, JoinError, Limit};
    /// use futures::{StreamExt, executor, stream};
    ///
    /// let owner = SmolOwner::new(Config::new())?;
    /// let source = stream::iter([1]).chain(stream::pending());
    /// let mut items = source.spawned(owner.runtime(), Limit::ONE);
    /// assert_eq!(owner.block_on(items.next()), Some(1));
    /// assert!(items.failure().is_none());
    /// drop(owner); // with the runtime its tasks end
    /// assert_eq!(executor::block_on(items.next()), None);
    /// assert!(matches!(items.failure(), Some(JoinError::Shutdown)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn failure(&self) -> Option<&JoinError> {
        self.failure.as_ref()
    }
}

/// What the task does: a place first, then the item. Whatever the source has in flight goes on meanwhile.
async fn forward<S: Stream>(source: S, sender: Sender<S::Item>, drive: Drive<S>) {
    let mut source = pin!(source);
    loop {
        let permit = {
            let mut reserve = pin!(sender.reserve());
            poll_fn(|cx| {
                let permit = reserve.as_mut().poll(cx);
                if permit.is_pending() {
                    drive(source.as_mut(), cx);
                }
                permit
            })
            .await
        };
        let Ok(permit) = permit else { return };
        let Some(item) = poll_fn(|cx| source.as_mut().poll_next(cx)).await else { return };
        if permit.send(item).is_err() {
            return;
        }
    }
}

impl<R: Runtime, S> Stream for Spawned<R, S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        this.start();
        let State::Running(receiver) = &mut this.state else { return Poll::Ready(None) };
        let Poll::Ready(item) = receiver.poll_recv(cx) else {
            probe::waiting(|| "the task of a stream's source".to_owned());
            return Poll::Pending;
        };
        if item.is_some() {
            return Poll::Ready(item);
        }
        // It sends nothing more: it has ended, or is about to.
        let ended = ready!(this.tasks.poll_join_next(cx));
        this.state = State::Ended;
        match ended {
            Some((_, Err(JoinError::Panicked(panic)))) => panic.resume(),
            Some((_, Err(error))) => this.failure = Some(error),
            Some((_, Ok(()))) | None => {}
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.state {
            State::New { source, .. } => source.size_hint(),
            State::Running(receiver) => (receiver.len(), None),
            State::Ended => (0, Some(0)),
        }
    }
}

impl<R: Runtime, S> FusedStream for Spawned<R, S>
where
    S: Stream + Send + 'static,
    S::Item: Send + 'static,
{
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

// The source is pinned in the task, and nothing is here.
impl<R: Runtime, S: Stream> Unpin for Spawned<R, S> {}

impl<R: Runtime, S: Stream> fmt::Debug for Spawned<R, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::New { .. } => "new",
            State::Running(_) => "running",
            State::Ended => "ended",
        };
        f.debug_struct("Spawned").field("state", &state).field("waiting", &self.waiting()).finish()
    }
}
