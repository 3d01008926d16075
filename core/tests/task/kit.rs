//! What the tests share.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Times that some late wakes, which are among the simulated faults, don't blur: see [`in_ticks`].
pub(crate) const fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(100 * ticks)
}

/// How many whole ticks have passed.
pub(crate) const fn in_ticks(time: Duration) -> u128 {
    time.as_millis() / 100
}

/// One poll with a waker that nobody hears.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

pub(crate) fn poll_with<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// Counts its wakes.
#[derive(Default)]
pub(crate) struct Wakes(AtomicUsize);

impl Wakes {
    pub(crate) fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Names, in the order in which their wakers were woken.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<usize>>>);

impl Log {
    pub(crate) fn waker(&self, name: usize) -> Waker {
        struct Entry(Log, usize);
        impl Wake for Entry {
            fn wake(self: Arc<Self>) {
                self.0.0.lock().expect("no panic").push(self.1);
            }
        }
        Waker::from(Arc::new(Entry(self.clone(), name)))
    }

    pub(crate) fn take(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }
}

/// A waker that does something when it is woken, once.
pub(crate) fn waker(wake: impl FnOnce() + Send + 'static) -> Waker {
    struct Once<F>(Mutex<Option<F>>);
    impl<F: FnOnce() + Send> Wake for Once<F> {
        fn wake(self: Arc<Self>) {
            let wake = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            if let Some(wake) = wake {
                wake();
            }
        }
    }
    Waker::from(Arc::new(Once(Mutex::new(Some(wake)))))
}
