//! What the cases share.

use crate::runtime::{BlockOn, JoinError, JoinHandle, Runtime};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

/// Long enough for what must happen on a machine that is busy with other tests.
pub(super) const SOON: Duration = Duration::from_secs(10);

/// Runs a case's body as the root future of a fresh runtime.
pub(super) fn run<O: BlockOn, F: Future<Output = ()>>(owner: O, body: impl FnOnce(O::Runtime) -> F) {
    let rt = owner.runtime().clone();
    owner.block_on(body(rt));
}

/// Waits until `condition` holds.
pub(super) async fn until<R: Runtime>(rt: &R, what: &str, condition: impl Fn() -> bool) {
    let start = rt.now();
    while !condition() {
        assert!(rt.now() - start < SOON, "waited too long until {what}");
        rt.sleep(Duration::from_millis(1)).await;
    }
}

/// Awaits what must not take long.
pub(super) async fn soon<R: Runtime, F: Future>(rt: &R, what: &str, future: F) -> F::Output {
    match rt.timeout(SOON, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: waited too long"),
    }
}

/// A flag that tasks and cases share.
#[derive(Clone, Debug, Default)]
pub(super) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// A value that sets the flag when it is dropped.
    pub(super) fn on_drop(&self) -> SetOnDrop {
        SetOnDrop(self.clone())
    }
}

/// As a waker, the flag is set by a wake.
impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.set();
    }
}

pub(super) struct SetOnDrop(Flag);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// A value that panics when it is dropped.
pub(super) struct PanicOnDrop;

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        // Without the panic hook: it would print.
        resume_unwind(Box::new("a destructor's panic"));
    }
}

/// A join handle that one awaits and another aborts.
pub(super) struct SharedHandle<H>(Arc<Mutex<H>>);

impl<H> Clone for SharedHandle<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H> SharedHandle<H> {
    pub(super) fn new(handle: H) -> Self {
        Self(Arc::new(Mutex::new(handle)))
    }

    fn lock(&self) -> MutexGuard<'_, H> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn abort<T>(&self)
    where
        H: JoinHandle<T>,
    {
        self.lock().abort();
    }

    pub(super) fn poll_join<T>(&self, cx: &mut Context<'_>) -> Poll<Result<T, JoinError>>
    where
        H: JoinHandle<T>,
    {
        Pin::new(&mut *self.lock()).poll(cx)
    }
}

/// A waker of one member of a set of futures: remembers that it was woken, and wakes the set.
pub(super) struct MemberWaker {
    woken: AtomicBool,
    set: Mutex<Waker>,
}

impl MemberWaker {
    pub(super) fn new(set: &Waker) -> Arc<Self> {
        Arc::new(Self { woken: AtomicBool::new(true), set: Mutex::new(set.clone()) })
    }

    /// Whether the member is to be polled: once for each wake.
    pub(super) fn take(&self, set: &Waker) -> bool {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).clone_from(set);
        self.woken.swap(false, Ordering::SeqCst)
    }
}

impl Wake for MemberWaker {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        self.set.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

/// Somebody else's executor: polls on the calling thread and knows nothing of any runtime.
pub(super) fn foreign_block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

/// One poll with a waker that nobody hears.
pub(super) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
