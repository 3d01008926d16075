//! A stream of what somebody calls back with.

use crate::channel::TrySendError;
use crate::channel::mpsc::{self, ClosedFuture, Overflow, SendFuture};
use crate::limit::Limit;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A stream of what callbacks push, from any thread.
///
/// `register` is called at the first poll, and not before. It gets an [`Emitter`], which it gives to whoever calls
/// back, and returns the **close hook**: what undoes the registration. The hook is called exactly once: when the
/// stream is dropped, or when it gives its end; not, if the stream was never polled. By then [`Emitter::emit`] gives
/// items back, so that a hook may wait for callbacks that still run.
///
/// Up to `limit` items wait for the reader; where there is no room, `overflow` says what becomes of one:
///
/// | [`Overflow`] | [`emit`](Emitter::emit) of a callback, which can't wait | [`send`](Emitter::send) |
/// |---|---|---|
/// | `Wait` | gives the item back, as `Full` | waits |
/// | `DropOldest` | drops the oldest, and counts it | the same |
/// | `DropNewest` | drops the new one, and counts it | the same |
///
/// # The end
///
/// The stream ends when somebody calls [`Emitter::end`], or the last emitter is dropped; what was emitted before comes
/// first. A source that fails emits a `Result`: errors are items. So does a registration: emit the error, and return a
/// hook that does nothing.
///
/// Nothing of yours runs under a lock: not the hook, nor `register`, nor a destructor.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next item loses nothing. Dropping the stream drops what waits in it, after the
/// hook.
///
/// # Panics
///
/// If `register` does, in the first poll, the stream ends after it, and has no hook to call. If the hook does, it is
/// not called again.
///
/// # Cost
///
/// Those of an [`mpsc`] channel: two allocations, and one short critical section for an item on either side. It yields
/// as its [receiver](mpsc::Receiver) does.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::channel::mpsc::Overflow;
/// use backstay_core::stream::from_callback;
/// use futures::StreamExt;
/// use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
///
/// # futures::executor::block_on(async {
/// let stop = Arc::new(AtomicBool::new(false));
/// let sensor = stop.clone();
/// let readings = from_callback(Limit::new(16)?, Overflow::DropOldest, |emitter| {
///     // A library that calls back from a thread of its own.
///     let thread = std::thread::spawn(move || {
///         for reading in 0.. {
///             if sensor.load(Ordering::Relaxed) || emitter.emit(reading).is_err() {
///                 return;
///             }
///         }
///     });
///     move || {
///         stop.store(true, Ordering::Relaxed);
///         thread.join().unwrap();
///     }
/// });
/// let three: Vec<u32> = readings.take(3).collect().await;
/// assert!(three.is_sorted());
/// // The thread has ended: the stream is dropped, and its hook has waited for it.
/// # Ok::<(), backstay_core::ConfigError>(())
/// # }).unwrap();
/// ```
#[doc(alias = "callbackFlow")]
#[doc(alias = "Flux.create")]
#[doc(alias = "fromEvent")]
#[doc(alias = "fromEventPattern")]
pub fn from_callback<T, F, H>(
    limit: impl Into<Limit>,
    overflow: Overflow,
    register: F,
) -> FromCallback<T, F, H>
where
    F: FnOnce(Emitter<T>) -> H,
    H: FnOnce(),
{
    FromCallback { stands: Stands::New { register, limit: limit.into(), overflow }, dropped: 0 }
}

/// The stream of [`from_callback`].
#[must_use = "streams do nothing unless you poll them"]
pub struct FromCallback<T, F, H: FnOnce()> {
    stands: Stands<T, F, H>,
    // When it has ended.
    dropped: u64,
}

enum Stands<T, F, H: FnOnce()> {
    New { register: F, limit: Limit, overflow: Overflow },
    Open(Open<T, H>),
    Ended,
}

impl<T, F, H: FnOnce()> FromCallback<T, F, H> {
    /// How many items were dropped for want of room so far.
    pub fn dropped(&self) -> u64 {
        match &self.stands {
            Stands::Open(open) => open.items.dropped(),
            Stands::New { .. } | Stands::Ended => self.dropped,
        }
    }
}

impl<T, F, H> Stream for FromCallback<T, F, H>
where
    F: FnOnce(Emitter<T>) -> H,
    H: FnOnce(),
{
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        if matches!(this.stands, Stands::New { .. })
            && let Stands::New { register, limit, overflow } =
                std::mem::replace(&mut this.stands, Stands::Ended)
        {
            let (sender, items) = mpsc::channel_with(limit, overflow);
            let hook = register(Emitter { sender });
            this.stands = Stands::Open(Open { items, hook: Some(hook) });
        }
        let Stands::Open(open) = &mut this.stands else { return Poll::Ready(None) };
        let item = ready!(open.items.poll_recv(cx));
        if item.is_none() {
            this.dropped = open.items.dropped();
            // Its hook is called by this.
            this.stands = Stands::Ended;
        }
        Poll::Ready(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.stands {
            Stands::New { .. } => (0, None),
            Stands::Open(open) => open.items.size_hint(),
            Stands::Ended => (0, Some(0)),
        }
    }
}

impl<T, F, H> FusedStream for FromCallback<T, F, H>
where
    F: FnOnce(Emitter<T>) -> H,
    H: FnOnce(),
{
    fn is_terminated(&self) -> bool {
        matches!(self.stands, Stands::Ended)
    }
}

// Nothing in it is ever pinned.
impl<T, F, H: FnOnce()> Unpin for FromCallback<T, F, H> {}

impl<T, F, H: FnOnce()> fmt::Debug for FromCallback<T, F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FromCallback").field("dropped", &self.dropped()).finish_non_exhaustive()
    }
}

/// Registered. Dropped, it refuses what is emitted from then on, and calls the hook; then what waits is dropped.
struct Open<T, H: FnOnce()> {
    items: mpsc::Receiver<T>,
    hook: Option<H>,
}

impl<T, H: FnOnce()> Drop for Open<T, H> {
    fn drop(&mut self) {
        self.items.close();
        if let Some(hook) = self.hook.take() {
            hook();
        }
    }
}

/// What callbacks push into a stream with: see [`from_callback`].
///
/// Clones push into the same stream, which ends when the last of them is dropped. Everything takes `&self`: it can be
/// shared as well as cloned, and used from any thread.
pub struct Emitter<T> {
    sender: mpsc::Sender<T>,
}

impl<T> Emitter<T> {
    /// Pushes an item, at once.
    ///
    /// # Errors
    ///
    /// [`TrySendError`] with the item: [`Closed`](TrySendError::Closed) if the reader is gone, or somebody has
    /// [ended](Self::end) the stream; [`Full`](TrySendError::Full) if there is no room, and
    /// [nothing is to be dropped](Overflow::Wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::TrySendError;
    /// use backstay_core::channel::mpsc::Overflow;
    /// use backstay_core::stream::from_callback;
    /// use futures::{FutureExt, StreamExt};
    /// use std::sync::OnceLock;
    ///
    /// let button = OnceLock::new();
    /// let mut clicks = from_callback(Limit::ONE, Overflow::Wait, |emitter| {
    ///     button.set(emitter).unwrap();
    ///     || ()
    /// });
    /// assert_eq!(clicks.next().now_or_never(), None); // registered
    /// let button = button.get().unwrap();
    /// assert_eq!(button.emit("first"), Ok(()));
    /// assert_eq!(button.emit("second"), Err(TrySendError::Full("second")));
    /// assert_eq!(clicks.next().now_or_never(), Some(Some("first")));
    /// drop(clicks);
    /// assert_eq!(button.emit("third"), Err(TrySendError::Closed("third")));
    /// ```
    pub fn emit(&self, item: T) -> Result<(), TrySendError<T>> {
        self.sender.try_send(item)
    }

    /// Pushes an item, waiting for room if [nothing is to be dropped](Overflow::Wait): for who can.
    ///
    /// # Cancel safety
    ///
    /// That of [`mpsc::Sender::send`].
    ///
    /// # Errors
    ///
    /// [`SendError`](mpsc::SendError) with the item, if the reader is gone, or somebody has [ended](Self::end) the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::channel::mpsc::Overflow;
    /// use backstay_core::stream::from_callback;
    /// use backstay_core::{Limit, Runtime};
    /// use futures::StreamExt;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let readings = from_callback(Limit::ONE, Overflow::Wait, |emitter| {
    ///         let sensor = rt.spawn(async move {
    ///             for reading in 0..5 {
    ///                 if emitter.send(reading).await.is_err() {
    ///                     return;
    ///                 }
    ///             }
    ///         });
    ///         move || drop(sensor)
    ///     });
    ///     readings.collect::<Vec<_>>().await
    /// })?;
    /// assert_eq!(run.value, [0, 1, 2, 3, 4]); // one at a time, and none is lost
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn send(&self, item: T) -> SendFuture<'_, T> {
        self.sender.send(item)
    }

    /// Ends the stream: nothing else is pushed by anybody, and what was pushed before arrives.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::TrySendError;
    /// use backstay_core::channel::mpsc::Overflow;
    /// use backstay_core::stream::from_callback;
    /// use futures::StreamExt;
    /// use futures::executor::block_on;
    /// use std::sync::OnceLock;
    ///
    /// let kept = OnceLock::new();
    /// let lines = from_callback(Limit::new(8)?, Overflow::Wait, |emitter| {
    ///     kept.set(emitter.clone()).unwrap();
    ///     emitter.emit("the last line").unwrap();
    ///     emitter.end(); // though there is another emitter
    ///     || ()
    /// });
    /// assert_eq!(block_on(lines.collect::<Vec<_>>()), ["the last line"]);
    /// assert_eq!(kept.get().unwrap().emit("too late"), Err(TrySendError::Closed("too late")));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    #[doc(alias = "complete")]
    #[doc(alias = "close")]
    pub fn end(&self) {
        self.sender.close();
    }

    /// Whether nothing can be pushed any more: the reader is gone, or somebody has ended the stream.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits until nothing can be pushed any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::channel::mpsc::Overflow;
    /// use backstay_core::stream::from_callback;
    /// use backstay_core::{JoinHandle, Limit, Runtime};
    /// use futures::StreamExt;
    /// use std::sync::Mutex;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let polls = Mutex::new(None);
    ///     let mut states = from_callback(Limit::ONE, Overflow::DropOldest, |emitter| {
    ///         let own = rt.clone();
    ///         *polls.lock().unwrap() = Some(rt.spawn(async move {
    ///             let mut count = 0;
    ///             // Ten times a second, as long as somebody wants to know.
    ///             while own.timeout(Duration::from_millis(100), emitter.closed()).await.is_err() {
    ///                 count += 1;
    ///                 emitter.emit(count).ok();
    ///             }
    ///             assert!(emitter.is_closed());
    ///             count
    ///         }));
    ///         || ()
    ///     });
    ///     assert_eq!(states.next().await, Some(1));
    ///     rt.sleep(Duration::from_millis(250)).await;
    ///     drop(states);
    ///     polls.into_inner().unwrap().unwrap().await.unwrap()
    /// })?;
    /// assert_eq!(run.value, 3);
    /// assert_eq!(run.elapsed, Duration::from_millis(350)); // it has ended at once
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn closed(&self) -> ClosedFuture<'_, T> {
        self.sender.closed()
    }

    /// How many items were dropped for want of room so far.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc::Overflow;
    /// use backstay_core::stream::from_callback;
    /// use futures::StreamExt;
    /// use futures::executor::block_on;
    ///
    /// let mut newest = from_callback(Limit::ONE, Overflow::DropOldest, |emitter| {
    ///     for degrees in [19, 20, 21] {
    ///         emitter.emit(degrees).unwrap();
    ///     }
    ///     assert_eq!(emitter.dropped(), 2);
    ///     || ()
    /// });
    /// assert_eq!(block_on(newest.next()), Some(21));
    /// assert_eq!(newest.dropped(), 2);
    /// ```
    pub fn dropped(&self) -> u64 {
        self.sender.dropped()
    }
}

impl<T> Clone for Emitter<T> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<T> fmt::Debug for Emitter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter")
            .field("is_closed", &self.is_closed())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
