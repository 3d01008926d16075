//! An executor of one future, the same for all that need no runtime.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Whether somebody was woken. A load and a store: there is one thread.
#[derive(Debug, Default)]
pub struct Flag(AtomicBool);

impl Flag {
    /// Whether it was woken since it was last asked.
    pub fn take(&self) -> bool {
        let woken = self.0.load(Ordering::Acquire);
        if woken {
            self.0.store(false, Ordering::Relaxed);
        }
        woken
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Polls it whenever it was woken, until it is ready.
///
/// # Panics
///
/// If it is pending and was not woken: nobody else is there who could.
///
/// # Examples
///
/// ```
/// use backstay_peers::one_thread::block_on;
///
/// assert_eq!(block_on(async { futures_lite::future::yield_now().await; 7 }), 7);
/// ```
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let woken = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut work = pin!(work);
    loop {
        if let Poll::Ready(output) = work.as_mut().poll(&mut context) {
            return output;
        }
        assert!(woken.take(), "it waits for nobody");
    }
}
