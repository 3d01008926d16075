//! A stream written as an async block (recipe 4.2).

use super::slot::Slot;
use crate::primitives::Arc;
use crate::ready_budget::ReadyBudget;
use crate::sync::own_waker::poll_locked;
use crate::sync::wait_list::Wakers;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use pin_project_lite::pin_project;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A stream of what an async body emits.
///
/// The body gets a [`Yielder`]; each `emit(item).await` gives an item to the reader, and goes on when the reader asks
/// for the next. So a body never runs ahead, and **it is lazy**: not even the closure is called before the first poll.
/// It runs inside of the stream's own poll: there is no task, no channel, and dropping the stream drops the body where
/// it stands. The stream ends when the body does; it is fused.
///
/// No macro and no unsafe code is behind it, and nothing thread-local: unlike with the crate `async-stream`, an `emit`
/// may be anywhere in the body, inside `join!`, `select!` and futures of sets too.
///
/// # Order
///
/// Items come in the order in which their `emit`s were first polled. Those of a `join!` stand in line, each of them
/// is given once, and each `emit` is pending until its own was taken.
///
/// # Cancel safety
///
/// Dropping a future that waits for the next item loses nothing. See [`Yielder::emit`] for the other side.
///
/// # Panics
///
/// If the body does; the stream has ended then.
///
/// # Cost
///
/// Two allocations for a stream, none for an item; an item takes an uncontended lock on either side. After 128 items
/// that were there at once it yields, so that a timeout or a stop signal around it fires.
///
/// # Examples
///
/// ```
/// use backstay_core::stream::generate;
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let fibonacci = generate(|y| async move {
///     let (mut a, mut b) = (0, 1);
///     loop {
///         y.emit(a).await;
///         (a, b) = (b, a + b);
///     }
/// });
/// let first: Vec<u32> = fibonacci.take(8).collect().await;
/// assert_eq!(first, [0, 1, 1, 2, 3, 5, 8, 13]);
/// # });
/// ```
#[doc(alias = "async_stream")]
#[doc(alias = "stream!")]
#[doc(alias = "yield")]
#[doc(alias = "unfold")]
#[doc(alias = "flow")]
#[doc(alias = "poll_fn")]
pub fn generate<T, F, Fut>(body: F) -> Generate<T, F, Fut>
where
    F: FnOnce(Yielder<T>) -> Fut,
    Fut: Future<Output = ()>,
{
    Generate { body: Body::new(body) }
}

/// A stream of what an async body emits, whose body may fail: as [`generate`], where every item is an `Ok`, and the
/// body's error is the last.
///
/// # Examples
///
/// ```
/// use backstay_core::stream::try_generate;
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let numbers = try_generate(|y| async move {
///     for word in ["1", "2", "three", "4"] {
///         y.emit(word.parse::<u32>()?).await;
///     }
///     Ok::<(), std::num::ParseIntError>(())
/// });
/// let numbers: Vec<_> = numbers.collect().await;
/// assert_eq!(numbers.len(), 3);
/// assert_eq!(numbers[..2], [Ok(1), Ok(2)]);
/// assert_eq!(numbers[2].as_ref().unwrap_err().to_string(), "invalid digit found in string");
/// # });
/// ```
#[doc(alias = "try_stream!")]
#[doc(alias = "try_unfold")]
pub fn try_generate<T, E, F, Fut>(body: F) -> TryGenerate<T, F, Fut>
where
    F: FnOnce(Yielder<T>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    TryGenerate { body: Body::new(body) }
}

pin_project! {
    /// The stream of [`generate`].
    #[must_use = "streams do nothing unless you poll them"]
    pub struct Generate<T, F, Fut: Future> {
        #[pin]
        body: Body<T, F, Fut>,
    }
}

pin_project! {
    /// The stream of [`try_generate`].
    #[must_use = "streams do nothing unless you poll them"]
    pub struct TryGenerate<T, F, Fut: Future> {
        #[pin]
        body: Body<T, F, Fut>,
    }
}

impl<T, F, Fut> Stream for Generate<T, F, Fut>
where
    F: FnOnce(Yielder<T>) -> Fut,
    Fut: Future<Output = ()>,
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.project().body.poll_next(cx).map(|next| match next {
            Next::Item(item) => Some(item),
            Next::End(_) => None,
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.body.size_hint()
    }
}

impl<T, E, F, Fut> Stream for TryGenerate<T, F, Fut>
where
    F: FnOnce(Yielder<T>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    type Item = Result<T, E>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().body.poll_next(cx).map(|next| match next {
            Next::Item(item) => Some(Ok(item)),
            Next::End(output) => output?.err().map(Err),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.body.size_hint()
    }
}

impl<T, F, Fut> FusedStream for Generate<T, F, Fut>
where
    F: FnOnce(Yielder<T>) -> Fut,
    Fut: Future<Output = ()>,
{
    fn is_terminated(&self) -> bool {
        self.body.has_ended
    }
}

impl<T, E, F, Fut> FusedStream for TryGenerate<T, F, Fut>
where
    F: FnOnce(Yielder<T>) -> Fut,
    Fut: Future<Output = Result<(), E>>,
{
    fn is_terminated(&self) -> bool {
        self.body.has_ended
    }
}

impl<T, F, Fut: Future> fmt::Debug for Generate<T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generate").field("has_ended", &self.body.has_ended).finish_non_exhaustive()
    }
}

impl<T, F, Fut: Future> fmt::Debug for TryGenerate<T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGenerate").field("has_ended", &self.body.has_ended).finish_non_exhaustive()
    }
}

pin_project! {
    /// The body, and what it has emitted.
    struct Body<T, F, Fut: Future> {
        // Until the first poll.
        start: Option<F>,
        // Dropped before the reader's side: what it has not emitted yet is withdrawn.
        #[pin]
        running: Option<Fut>,
        // What came of it, until all that it has emitted is taken.
        output: Option<Fut::Output>,
        reader: Reader<T>,
        // How many items are left in line: those are given before the body is polled again.
        left: usize,
        budget: ReadyBudget,
        has_ended: bool,
    }
}

enum Next<T, O> {
    Item(T),
    /// With the body's output, the first time.
    End(Option<O>),
}

impl<T, F, Fut: Future> Body<T, F, Fut> {
    fn new(start: F) -> Self {
        Self {
            start: Some(start),
            running: None,
            output: None,
            reader: Reader(Slot::new()),
            left: 0,
            budget: ReadyBudget::new(),
            has_ended: false,
        }
    }

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Next<T, Fut::Output>>
    where
        F: FnOnce(Yielder<T>) -> Fut,
    {
        let mut this = self.project();
        if *this.has_ended {
            return Poll::Ready(Next::End(None));
        }
        ready!(this.budget.poll_proceed(cx));
        let reader = &*this.reader;
        let slot = &reader.0;
        if let Some(start) = this.start.take() {
            this.running.set(Some(start(Yielder { slot: Arc::clone(slot) })));
        }
        loop {
            if *this.left == 0
                && let Some(running) = this.running.as_mut().as_pin_mut()
            {
                // So it stays, if the body panics.
                *this.has_ended = true;
                slot.enter(cx.waker());
                let panics = EndsWithPanic(reader);
                let output = running.poll(cx);
                mem::forget(panics);
                slot.exit();
                *this.has_ended = false;
                if let Poll::Ready(output) = output {
                    *this.output = Some(output);
                    this.running.set(None);
                    // What comes from outside from here on comes too late.
                    *this.left = slot.lock().len();
                }
            }
            let is_running = this.running.is_some();
            let taken = poll_locked(cx, |own| {
                let mut line = slot.lock();
                if !is_running && *this.left == 0 {
                    return Poll::Ready((None, 0));
                }
                match slot.take(&mut line) {
                    // Only who has polled the body may wait.
                    None if is_running && *this.left == 0 => {
                        line.set_reader(own);
                        Poll::Pending
                    }
                    taken => Poll::Ready((taken, line.len())),
                }
            });
            match taken {
                Poll::Ready((Some((item, emits)), left)) => {
                    // Not what has come since from outside: the body has its turn all the same.
                    *this.left = if *this.left == 0 { left } else { left.min(*this.left - 1) };
                    this.budget.spend();
                    if let Some(emits) = emits {
                        emits.wake();
                    }
                    return Poll::Ready(Next::Item(item));
                }
                // What was left was withdrawn.
                Poll::Ready((None, _)) if is_running => *this.left = 0,
                Poll::Ready((None, _)) => {
                    *this.has_ended = true;
                    reader.close();
                    return Poll::Ready(Next::End(this.output.take()));
                }
                Poll::Pending => {
                    this.budget.refill();
                    return Poll::Pending;
                }
            }
        }
    }

    const fn size_hint(&self) -> (usize, Option<usize>) {
        if self.has_ended { (0, Some(0)) } else { (0, None) }
    }
}

/// The reader's side of what the body and its stream share.
struct Reader<T>(Arc<Slot<T>>);

impl<T> Reader<T> {
    /// Whoever emits from now on, outside of the body, need not wait.
    fn close(&self) {
        let mut line = self.0.lock();
        let (mut left, reader) = (self.0.close(&mut line), line.take_reader());
        drop(line);
        drop(reader);
        // All are woken before an item is dropped, which may panic.
        let mut wakers = Wakers::new();
        left.iter_mut().filter_map(|(_, emits)| emits.take()).for_each(|emits| wakers.push(emits));
        drop(wakers);
        drop(left);
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        self.close();
    }
}

/// Dropped while the body is being polled, which is by its panic, it ends the stream also for who emits outside.
struct EndsWithPanic<'a, T>(&'a Reader<T>);

impl<T> Drop for EndsWithPanic<'_, T> {
    fn drop(&mut self) {
        self.0.0.exit();
        self.0.close();
    }
}

/// What a body [emits](Yielder::emit) with: see [`generate`].
///
/// Clones emit into the same stream. Where one is given to another task, what that emits arrives as well, as long as the
/// body runs; and from the stream's end on, nobody takes it: [`is_closed`](Self::is_closed). For what comes from other
/// tasks, a channel or [`from_callback`](super::from_callback) says more about where it went.
pub struct Yielder<T> {
    slot: Arc<Slot<T>>,
}

impl<T> Yielder<T> {
    /// Gives an item to the reader, and waits until it has taken it.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it takes its item out of the line, which is dropped, unless the reader has taken it:
    /// never half of both. To keep it, keep the future and take it [out](EmitFuture::into_inner).
    ///
    /// # Panics
    ///
    /// The future, if it is polled again after its end.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::generate;
    /// use futures::StreamExt;
    ///
    /// # futures::executor::block_on(async {
    /// // Two at the same time: both are delivered.
    /// let both = generate(|y| async move {
    ///     futures::join!(y.emit("one"), y.emit("other"));
    /// });
    /// assert_eq!(both.collect::<Vec<_>>().await, ["one", "other"]);
    /// # });
    /// ```
    pub fn emit(&self, item: T) -> EmitFuture<'_, T> {
        EmitFuture { slot: &self.slot, stands: Stands::Outside(item) }
    }

    /// Whether nobody takes an item any more: the stream is dropped, or at its end. Inside of the body it never is.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::generate;
    /// use futures::StreamExt;
    /// use std::sync::OnceLock;
    ///
    /// # futures::executor::block_on(async {
    /// let outside = OnceLock::new();
    /// let mut items = Box::pin(generate(|y| {
    ///     outside.set(y.clone()).unwrap();
    ///     async move { y.emit(1).await }
    /// }));
    /// assert_eq!(items.next().await, Some(1));
    /// assert!(!outside.get().unwrap().is_closed());
    /// assert_eq!(items.next().await, None);
    /// assert!(outside.get().unwrap().is_closed()); // the body has ended
    /// # });
    /// ```
    pub fn is_closed(&self) -> bool {
        self.slot.lock().is_closed()
    }
}

impl<T> Clone for Yielder<T> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot) }
    }
}

impl<T> fmt::Debug for Yielder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}

/// The future of [`Yielder::emit`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct EmitFuture<'a, T> {
    slot: &'a Slot<T>,
    stands: Stands<T>,
}

enum Stands<T> {
    /// It has not been polled.
    Outside(T),
    /// Its item is in line under that number, or was.
    InLine(u64),
    Done,
}

impl<T> EmitFuture<'_, T> {
    /// The item, if the reader has not taken it, and will not then. What was in line when the stream ended is dropped
    /// with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::generate;
    /// use futures::{FutureExt, StreamExt};
    /// use std::sync::OnceLock;
    ///
    /// let outside = OnceLock::new();
    /// let mut items = Box::pin(generate(|y| {
    ///     outside.set(y.clone()).unwrap();
    ///     async move { y.emit("first").await }
    /// }));
    /// assert_eq!(items.next().now_or_never(), Some(Some("first")));
    /// let mut emit = outside.get().unwrap().emit("second");
    /// assert!((&mut emit).now_or_never().is_none()); // in line, and nobody reads
    /// assert_eq!(emit.into_inner(), Some("second"));
    /// assert_eq!(items.next().now_or_never(), Some(None)); // it is not given
    /// ```
    pub fn into_inner(mut self) -> Option<T> {
        self.withdraw()
    }

    fn withdraw(&mut self) -> Option<T> {
        match std::mem::replace(&mut self.stands, Stands::Done) {
            Stands::Outside(item) => Some(item),
            Stands::InLine(number) if !self.slot.is_taken(number) => {
                // A name, so that what is in it is dropped after the statement's guard.
                let entry = self.slot.lock().withdraw(number);
                entry.map(|(item, _)| item)
            }
            Stands::InLine(_) | Stands::Done => None,
        }
    }
}

// The item is moved, never pinned.
impl<T> Unpin for EmitFuture<'_, T> {}

impl<T> Future for EmitFuture<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Stands::InLine(number) = this.stands
            && this.slot.is_taken(number)
        {
            this.stands = Stands::Done;
            return Poll::Ready(());
        }
        // Cloned before the mutex is locked.
        let own = (!this.slot.is_polled_by(cx.waker())).then(|| cx.waker().clone());
        match std::mem::replace(&mut this.stands, Stands::Done) {
            Stands::Outside(item) => {
                // A name, so that what is in it is dropped and woken after the statement's guard.
                let put = this.slot.lock().put(item, own);
                match put {
                    Ok((number, reader)) => {
                        this.stands = Stands::InLine(number);
                        if let Some(reader) = reader {
                            reader.wake();
                        }
                        Poll::Pending
                    }
                    // Dropped: nobody takes it any more.
                    Err(_) => Poll::Ready(()),
                }
            }
            Stands::InLine(number) => {
                this.stands = Stands::InLine(number);
                let _before = this.slot.lock().set_emits(number, own);
                // Taken meanwhile, by a reader in another thread that had nobody to tell.
                if this.slot.is_taken(number) {
                    this.stands = Stands::Done;
                    return Poll::Ready(());
                }
                Poll::Pending
            }
            Stands::Done => panic!("polled again after its end"),
        }
    }
}

impl<T> Drop for EmitFuture<'_, T> {
    fn drop(&mut self) {
        drop(self.withdraw());
    }
}

impl<T> fmt::Debug for EmitFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmitFuture").finish_non_exhaustive()
    }
}
