//! What a broken runtime does to the futures it is given.

use super::Rule;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

/// What a task or job and its handle tell each other.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The future was ready.
    pub(crate) completed: AtomicBool,
    /// The handle was dropped.
    pub(crate) dropped: AtomicBool,
    /// The handle was dropped after an abort.
    pub(crate) leak: AtomicBool,
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that may be polled or dropped against the rules.
pub(crate) struct Broken<T: 'static> {
    rule: Option<Rule>,
    future: Option<BoxFuture<T>>,
    shared: Arc<Shared>,
}

impl<T: Send + 'static> Broken<T> {
    pub(crate) fn new<F>(rule: Option<Rule>, future: F) -> (Self, Arc<Shared>)
    where
        F: Future<Output = T> + Send + 'static,
    {
        let shared = Arc::<Shared>::default();
        let mut future: BoxFuture<T> = Box::pin(future);
        if rule == Some(Rule::C06) {
            let mut cx = Context::from_waker(Waker::noop());
            match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(value)) => future = Box::pin(std::future::ready(value)),
                Err(payload) => future = Box::pin(async move { resume_unwind(payload) }),
            }
        }
        (Self { rule, future: Some(future), shared: Arc::clone(&shared) }, shared)
    }
}

impl<T> Future for Broken<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let busy = self.rule == Some(Rule::C20);
        let future = self.future.as_mut().expect("dropped by drop only");
        let poll = if busy { poll_busily(future, cx) } else { future.as_mut().poll(cx) };
        if poll.is_ready() {
            self.shared.completed.store(true, Ordering::SeqCst);
        }
        poll
    }
}

/// Polls on as long as the future wakes itself.
fn poll_busily<T>(future: &mut BoxFuture<T>, cx: &mut Context<'_>) -> Poll<T> {
    struct Again {
        woken: AtomicBool,
        waker: Waker,
    }

    impl Wake for Again {
        fn wake(self: Arc<Self>) {
            self.woken.store(true, Ordering::SeqCst);
            self.waker.wake_by_ref();
        }
    }

    let again = Arc::new(Again { woken: AtomicBool::new(false), waker: cx.waker().clone() });
    let waker = Waker::from(Arc::clone(&again));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Pending if again.woken.swap(false, Ordering::SeqCst) => {}
            poll => return poll,
        }
    }
}

impl<T> Drop for Broken<T> {
    fn drop(&mut self) {
        let future = self.future.take();
        match self.rule {
            Some(Rule::C03) => {
                thread::spawn(move || {
                    thread::sleep(Duration::from_millis(50));
                    let _ = catch_unwind(AssertUnwindSafe(|| drop(future)));
                });
            }
            Some(Rule::C09) if self.shared.leak.load(Ordering::SeqCst) => mem::forget(future),
            _ => drop(future),
        }
    }
}
