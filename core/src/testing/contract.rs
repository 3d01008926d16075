//! The contract of `poll`, watched from between a future and its caller.

use futures_core::Stream;
use pin_project_lite::pin_project;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Watches a future: it must keep the contract of `poll`, and so must its caller.
///
/// | who | must | else |
/// |---|---|---|
/// | the future | when pending, have kept the waker of **this** poll or have woken it | panics: it would sleep for ever |
/// | the caller | not poll it again after it was ready | panics |
///
/// Each poll gets a waker of its own, and those of earlier polls wake nobody: a future that keeps the first waker
/// it sees is told apart from one that keeps none.
///
/// # Panics
///
/// The returned future, where the contract is broken; the message says how, and where `checked` was called. A
/// future that is pending for good on purpose, such as [`pending`](std::future::pending), breaks it too: don't
/// watch that.
///
/// # Examples
///
/// ```
/// use backstay_core::testing::checked;
/// use futures::FutureExt;
/// use std::future::poll_fn;
/// use std::task::Poll;
///
/// let forgetful = checked(poll_fn(|_| Poll::<()>::Pending));
/// let panic = std::panic::catch_unwind(|| forgetful.now_or_never()).unwrap_err();
/// let message = panic.downcast::<String>().unwrap();
/// assert!(message.contains("it has kept no waker, and nobody can wake it"));
/// ```
#[track_caller]
pub fn checked<F: Future>(future: F) -> Checked<F> {
    Checked { future, watch: Watch::new("future") }
}

/// Watches a stream, as [`checked`] does a future; its size hint must be true as well.
///
/// # Panics
///
/// The returned stream, where the contract is broken: as with [`checked`]; where it is polled after its end; and
/// where more or fewer items come than any of its size hints allowed.
///
/// # Examples
///
/// ```
/// use backstay_core::testing::checked_stream;
/// use futures::{StreamExt, stream};
///
/// let items: Vec<_> = futures::executor::block_on(checked_stream(stream::iter(0..3)).collect());
/// assert_eq!(items, [0, 1, 2]);
/// ```
#[track_caller]
pub fn checked_stream<S: Stream>(stream: S) -> CheckedStream<S> {
    CheckedStream { stream, watch: Watch::new("stream"), least: 0, most: None }
}

pin_project! {
    /// The future of [`checked`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Checked<F> {
        #[pin]
        future: F,
        watch: Watch,
    }
}

pin_project! {
    /// The stream of [`checked_stream`].
    #[derive(Debug)]
    #[must_use = "streams do nothing unless you poll them"]
    pub struct CheckedStream<S> {
        #[pin]
        stream: S,
        watch: Watch,
        // How many items must and may still come, by all the hints so far.
        least: usize,
        most: Option<usize>,
    }
}

impl<F: Future> Future for Checked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let future = this.future;
        let poll = this.watch.poll(cx, |cx| future.poll(cx));
        this.watch.has_ended = poll.is_ready();
        poll
    }
}

impl<S: Stream> Stream for CheckedStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let (least, most) = this.stream.size_hint();
        *this.least = least.max(*this.least);
        *this.most = match (most, *this.most) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if this.most.is_some_and(|most| most < *this.least) {
            this.watch.broken("its size hints contradict each other");
        }
        let stream = this.stream.as_mut();
        let poll = this.watch.poll(cx, |cx| stream.poll_next(cx));
        match &poll {
            Poll::Pending => {}
            Poll::Ready(Some(_)) => {
                *this.least = this.least.saturating_sub(1);
                match this.most {
                    Some(0) => this.watch.broken("more items came than its size hint allowed"),
                    Some(most) => *most -= 1,
                    None => {}
                }
            }
            Poll::Ready(None) => {
                this.watch.has_ended = true;
                if *this.least > 0 {
                    this.watch.broken("it ended with fewer items than its size hint promised");
                }
            }
        }
        poll
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

/// What is known of a future or stream that is watched.
#[derive(Debug)]
struct Watch {
    what: &'static str,
    place: &'static Location<'static>,
    before: Option<Arc<OnePoll>>,
    has_ended: bool,
}

/// The waker of one poll; dead when the next one has come.
#[derive(Debug)]
struct OnePoll {
    waker: Waker,
    woken: AtomicBool,
    dead: AtomicBool,
}

impl Wake for OnePoll {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        if !self.dead.load(Ordering::Acquire) {
            self.waker.wake_by_ref();
        }
    }
}

impl Watch {
    #[track_caller]
    fn new(what: &'static str) -> Self {
        Self { what, place: Location::caller(), before: None, has_ended: false }
    }

    fn poll<T>(&mut self, cx: &Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if self.has_ended {
            self.broken("it was polled again after its end");
        }
        let now = Arc::new(OnePoll {
            waker: cx.waker().clone(),
            woken: AtomicBool::new(false),
            dead: AtomicBool::new(false),
        });
        let before = self.before.replace(Arc::clone(&now));
        if let Some(before) = &before {
            before.dead.store(true, Ordering::Release);
        }
        let result = {
            let waker = Waker::from(Arc::clone(&now));
            poll(&mut Context::from_waker(&waker))
        };
        // Our own two, and the future's.
        let is_kept = Arc::strong_count(&now) > 2 || now.woken.load(Ordering::Acquire);
        if result.is_pending() && !is_kept {
            match before {
                Some(before) if Arc::strong_count(&before) > 1 => {
                    self.broken("it is pending and has kept the waker of an earlier poll, which is dead");
                }
                _ => self.broken("it is pending, but it has kept no waker, and nobody can wake it"),
            }
        }
        result
    }

    fn broken(&self, how: &str) -> ! {
        panic!("the {} watched at {}: {how}", self.what, self.place)
    }
}
