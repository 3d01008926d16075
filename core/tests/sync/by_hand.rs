//! Futures that are polled by hand.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A future that is polled by hand, each time with a new waker; a wake of an older one counts as none.
pub(crate) struct ByHand<F> {
    future: Pin<Box<F>>,
    wakes: Arc<Wakes>,
}

impl<F: Future> ByHand<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { future: Box::pin(future), wakes: Arc::default() }
    }

    /// One that has been polled once, and waits.
    pub(crate) fn waiting(future: F) -> Self {
        let mut by_hand = Self::new(future);
        assert!(by_hand.poll().is_pending(), "it was to wait");
        by_hand
    }

    pub(crate) fn poll(&mut self) -> Poll<F::Output> {
        self.wakes = Arc::default();
        let waker = Waker::from(Arc::clone(&self.wakes));
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    /// How often it was woken since it was polled.
    pub(crate) fn wakes(&self) -> usize {
        self.wakes.0.load(SeqCst)
    }

    /// The output of one that was woken.
    pub(crate) fn output(&mut self) -> F::Output {
        assert_eq!(self.wakes(), 1, "it was to be woken once");
        match self.poll() {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("it was woken, and waits"),
        }
    }
}
