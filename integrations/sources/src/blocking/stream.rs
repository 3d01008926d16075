//! The stream and its thread.

use super::error::BlockingError;
use super::outlet::{Item, Outlet};
use crate::waking::{caught, unharmed};
use backstay_core::Limit;
use backstay_core::channel::mpsc;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use std::fmt;
use std::io;
use std::mem;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread;

/// What an iterator gives that blocks, as a stream; `make` makes it, on the thread that it runs on.
///
/// # Errors
///
/// Are items: [`BlockingError::Thread`] and [`BlockingError::Panicked`], either the last.
///
/// # Examples
///
/// ```
/// use backstay_sources::blocking::from_blocking;
/// use futures::TryStreamExt;
/// use std::sync::mpsc;
///
/// // A receiver of the standard library's: it blocks, until a message comes or all senders are gone.
/// let (sender, receiver) = mpsc::channel();
/// let mut messages = from_blocking(move || receiver);
/// std::thread::spawn(move || sender.send("from a thread"));
///
/// # futures::executor::block_on(async {
/// assert_eq!(messages.try_next().await?, Some("from a thread"));
/// assert_eq!(messages.try_next().await?, None);
/// # Ok::<(), backstay_sources::blocking::BlockingError>(())
/// # }).unwrap();
/// ```
#[doc(alias = "spawn_blocking")]
#[doc(alias = "iter")]
pub fn from_blocking<I, F>(make: F) -> FromBlocking<I::Item>
where
    I: IntoIterator,
    I::Item: Send + 'static,
    F: FnOnce() -> I + Send + 'static,
{
    FromBlocking::new(move |outlet| {
        for item in make() {
            if outlet.put(Ok(item)).is_err() {
                break;
            }
        }
    })
}

/// The items of an iterator or a reader that blocks, read on a thread of its own; made by [`from_blocking`],
/// [`read_lines`](super::read_lines) and [`read_chunks`](super::read_chunks).
///
/// The thread starts with the first poll, and reads ahead as many items as there are [places](Self::capacity): when
/// these are taken it waits, and what it reads from waits for it.
///
/// # The end
///
/// | what happens | the thread | the stream |
/// |---|---|---|
/// | the iterator ends | ends | gives what is left, then `None` |
/// | the iterator panics | ends | gives what is left, then [`BlockingError::Panicked`], then `None` |
/// | the stream is dropped | told by the [hook](Self::on_close); ends when its read does | – |
/// | [`close`](Self::close) | the same | gives what is left, then `None` |
///
/// Dropping it never waits. A thread that waits for a place ends by itself; one that waits for its source can only be
/// ended by whoever knows the source: **without a hook it lives as long as its read takes**, and so does what it holds.
///
/// # Cancel safety
///
/// Items that were read ahead are lost when it is dropped.
///
/// # Cost
///
/// A thread; for an item a short critical section, and a wake where the reader waits.
///
/// # Examples
///
/// See [`from_blocking`], and [`on_close`](Self::on_close) for one that waits.
#[must_use = "streams do nothing unless you poll them"]
pub struct FromBlocking<T: Send + 'static> {
    state: State<T>,
    capacity: Limit,
    name: String,
    hook: Option<Box<dyn FnOnce() + Send>>,
    is_running: Arc<AtomicBool>,
}

type Run<T> = Box<dyn FnOnce(&Outlet<T>) + Send>;

enum State<T> {
    New(Run<T>),
    Running(mpsc::Receiver<Item<T>>),
    /// The thread could not be started.
    Failed(BlockingError),
    Ended,
}

impl<T: Send + 'static> FromBlocking<T> {
    /// How many items are read ahead, unless set.
    pub const CAPACITY: NonZeroUsize = NonZeroUsize::new(64).unwrap();

    /// The thread's name, unless set.
    pub const NAME: &'static str = "backstay-blocking";

    pub(super) fn new(run: impl FnOnce(&Outlet<T>) + Send + 'static) -> Self {
        Self {
            state: State::New(Box::new(run)),
            capacity: Self::CAPACITY.into(),
            name: Self::NAME.to_owned(),
            hook: None,
            is_running: Arc::default(),
        }
    }

    /// How many items are read ahead. Of no effect once it was polled.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_sources::blocking::from_blocking;
    /// use futures::TryStreamExt;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// # futures::executor::block_on(async {
    /// let made = Arc::new(AtomicU32::new(0));
    /// let count = Arc::clone(&made);
    /// let mut numbers = from_blocking(move || (0..).inspect(move |_| drop(count.fetch_add(1, Ordering::Relaxed))))
    ///     .capacity(Limit::new(2).unwrap());
    /// assert_eq!(numbers.try_next().await?, Some(0));
    /// // It was given one; two wait in their places, one in the hand of the thread.
    /// assert!(made.load(Ordering::Relaxed) <= 4);
    /// # Ok::<(), backstay_sources::blocking::BlockingError>(())
    /// # }).unwrap();
    /// ```
    pub fn capacity(mut self, items: impl Into<Limit>) -> Self {
        self.capacity = items.into();
        self
    }

    /// The thread's name. Of no effect once it was polled. With a NUL byte in it there is no thread:
    /// [`BlockingError::Thread`].
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::blocking::from_blocking;
    /// use futures::TryStreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let mut names = from_blocking(|| [std::thread::current().name().map(str::to_owned)]).name("keyboard");
    /// assert_eq!(names.try_next().await?, Some(Some("keyboard".to_owned())));
    /// # Ok::<(), backstay_sources::blocking::BlockingError>(())
    /// # }).unwrap();
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// What ends a read that waits: shuts down the socket, closes the other end of the pipe, sends a last message.
    ///
    /// It is called once, when the stream is dropped or [closed](Self::close) while its source has not ended; by whoever
    /// does that, so it must not block. A panic of it goes no further.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::blocking::from_blocking;
    /// use futures::TryStreamExt;
    /// use std::sync::mpsc;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = mpsc::channel::<&str>();
    /// sender.send("hello").unwrap();
    /// // The receiver waits for as long as there is a sender.
    /// let mut messages = from_blocking(move || receiver).on_close(move || drop(sender));
    /// assert_eq!(messages.try_next().await?, Some("hello"));
    /// let thread = messages.thread();
    /// drop(messages);
    /// while thread.is_running() {
    ///     std::thread::yield_now(); // a moment: without the hook, for ever
    /// }
    /// # Ok::<(), backstay_sources::blocking::BlockingError>(())
    /// # }).unwrap();
    /// ```
    #[doc(alias = "shutdown")]
    pub fn on_close(mut self, hook: impl FnOnce() + Send + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }

    /// Reads no more: calls the [hook](Self::on_close). What was read ahead can be taken still, then comes the end.
    ///
    /// Not polled so far, it has nothing to end, and calls nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::blocking::from_blocking;
    /// use futures::TryStreamExt;
    /// use std::sync::mpsc;
    ///
    /// # futures::executor::block_on(async {
    /// let (sender, receiver) = mpsc::channel();
    /// for number in 1..=2 {
    ///     sender.send(number).unwrap();
    /// }
    /// let mut numbers = from_blocking(move || receiver).on_close(move || drop(sender));
    /// assert_eq!(numbers.try_next().await?, Some(1));
    /// numbers.close();
    /// let left: Vec<i32> = numbers.try_collect().await?; // what was read ahead
    /// assert!(left.is_empty() || left == [2]);
    /// # Ok::<(), backstay_sources::blocking::BlockingError>(())
    /// # }).unwrap();
    /// ```
    pub fn close(&mut self) {
        match &mut self.state {
            State::New(_) => self.state = State::Ended,
            State::Running(receiver) => {
                receiver.close();
                // Once the thread is gone there is nothing to end, however much is left to be read.
                if self.is_running.load(Ordering::Acquire)
                    && let Some(hook) = self.hook.take()
                {
                    unharmed(hook);
                }
            }
            State::Failed(_) | State::Ended => {}
        }
    }

    /// To see whether the thread has ended, also when the stream is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_sources::blocking::from_blocking;
    /// use futures::TryStreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// let mut numbers = from_blocking(|| [1, 2]);
    /// let thread = numbers.thread();
    /// assert!(!thread.is_running()); // not before the first poll
    /// while numbers.try_next().await?.is_some() {}
    /// while thread.is_running() {
    ///     std::thread::yield_now();
    /// }
    /// # Ok::<(), backstay_sources::blocking::BlockingError>(())
    /// # }).unwrap();
    /// ```
    pub fn thread(&self) -> BlockingThread {
        BlockingThread { is_running: Arc::clone(&self.is_running) }
    }

    fn start(&self, run: Run<T>) -> State<T> {
        // The standard library would panic.
        if self.name.contains('\0') {
            let source =
                io::Error::new(io::ErrorKind::InvalidInput, "a thread's name must not contain a NUL byte");
            return State::Failed(BlockingError::Thread { source });
        }
        let (sender, receiver) = mpsc::channel(self.capacity);
        let is_running = Running::new(&self.is_running);
        let thread = thread::Builder::new().name(self.name.clone());
        let thread = thread.spawn(move || {
            // The last to go: whoever sees the end of the thread sees that of all it had.
            let _is_running = is_running;
            let outlet = Outlet::new(sender);
            if let Err(panic) = caught(|| run(&outlet)) {
                // Nobody reads it, if it can't be put.
                unharmed(|| drop(outlet.put(Err(BlockingError::Panicked { panic }))));
            }
            unharmed(|| drop(outlet));
        });
        match thread {
            Ok(_detached) => State::Running(receiver),
            Err(source) => State::Failed(BlockingError::Thread { source }),
        }
    }
}

impl<T: Send + 'static> Stream for FromBlocking<T> {
    type Item = Result<T, BlockingError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let State::New(_) = this.state
            && let State::New(run) = mem::replace(&mut this.state, State::Ended)
        {
            this.state = this.start(run);
        }
        let poll = match &mut this.state {
            State::Running(receiver) => receiver.poll_recv(cx),
            State::Failed(_) => match mem::replace(&mut this.state, State::Ended) {
                State::Failed(error) => return Poll::Ready(Some(Err(error))),
                _ => Poll::Ready(None),
            },
            State::New(_) | State::Ended => Poll::Ready(None),
        };
        if let Poll::Ready(None) = poll {
            this.state = State::Ended;
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.state {
            State::New(_) => (0, None),
            State::Running(receiver) => receiver.size_hint(),
            State::Failed(_) => (1, Some(1)),
            State::Ended => (0, Some(0)),
        }
    }
}

impl<T: Send + 'static> FusedStream for FromBlocking<T> {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

// Nothing in it is pinned.
impl<T: Send + 'static> Unpin for FromBlocking<T> {}

impl<T: Send + 'static> Drop for FromBlocking<T> {
    fn drop(&mut self) {
        // What is left in the queue is dropped after that: its destructors are foreign.
        if let State::Running(_) = self.state {
            self.close();
        }
    }
}

impl<T: Send + 'static> fmt::Debug for FromBlocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::New(_) => "new",
            State::Running(_) => "running",
            State::Failed(_) => "failed",
            State::Ended => "ended",
        };
        f.debug_struct("FromBlocking")
            .field("name", &self.name)
            .field("state", &state)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// Tells whether the thread of a [`FromBlocking`] runs; for reports, and to see that a hook does what it should.
///
/// # Examples
///
/// ```
/// use backstay_sources::blocking::from_blocking;
/// use futures::StreamExt;
/// use std::sync::mpsc;
///
/// let (sender, receiver) = mpsc::channel::<u32>();
/// let mut messages = from_blocking(move || receiver).on_close(move || drop(sender));
/// let thread = messages.thread();
/// # use futures::FutureExt;
/// assert!(messages.next().now_or_never().is_none()); // it waits
/// assert!(thread.is_running());
/// drop(messages); // calls the hook, which drops the sender
/// while thread.is_running() {
///     std::thread::yield_now(); // a moment
/// }
/// ```
#[derive(Clone, Debug)]
pub struct BlockingThread {
    is_running: Arc<AtomicBool>,
}

impl BlockingThread {
    /// Whether it has started and not ended.
    pub fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Acquire)
    }
}

struct Running(Arc<AtomicBool>);

impl Running {
    fn new(flag: &Arc<AtomicBool>) -> Self {
        flag.store(true, Ordering::Release);
        Self(Arc::clone(flag))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}
