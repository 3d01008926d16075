//! What a child gives, on its way to who awaits it.

use crate::primitives::{Arc, Mutex, lock};
use crate::runtime::Panic;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll, Waker};

/// Something that one will deliver, and one waits for.
pub(super) fn packet<T>() -> (Promise<T>, Receipt<T>) {
    let packet = Arc::new(Mutex::new(Delivery::Awaited(None)));
    (Promise(Arc::clone(&packet)), Receipt(packet))
}

enum Delivery<T> {
    Awaited(Option<Waker>),
    Delivered(T),
    Taken,
}

/// The end of who delivers. It must: there is no other end of the waiting.
pub(super) struct Promise<T>(Arc<Mutex<Delivery<T>>>);

impl<T> Promise<T> {
    /// The value is there from now on, whatever the waker of who waits for it does.
    ///
    /// # Errors
    ///
    /// The panic of that waker: somebody has to be told.
    pub(super) fn deliver(self, value: T) -> Result<(), Panic> {
        let before = mem::replace(&mut *lock(&self.0), Delivery::Delivered(value));
        match before {
            Delivery::Awaited(Some(waiter)) => woken(waiter),
            _ => Ok(()),
        }
    }
}

/// Wakes somebody whose panic, if there is one, is not to end what is done here.
///
/// # Errors
///
/// That panic.
pub(super) fn woken(waiter: Waker) -> Result<(), Panic> {
    catch_unwind(AssertUnwindSafe(|| waiter.wake())).map_err(Panic::new)
}

/// The end of who waits.
pub(super) struct Receipt<T>(Arc<Mutex<Delivery<T>>>);

impl<T> Receipt<T> {
    /// Whether it was delivered.
    pub(super) fn is_there(&self) -> bool {
        !matches!(*lock(&self.0), Delivery::Awaited(_))
    }

    /// What was delivered; else the task is woken when it is.
    ///
    /// Panics when it was taken before.
    pub(super) fn poll_take(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        // First, as it is foreign code.
        let own = cx.waker().clone();
        let mut delivery = lock(&self.0);
        let before = match &mut *delivery {
            Delivery::Awaited(waiter) => waiter.replace(own),
            Delivery::Delivered(_) => {
                let delivered = mem::replace(&mut *delivery, Delivery::Taken);
                drop(delivery);
                let Delivery::Delivered(value) = delivered else { unreachable!("matched above") };
                return Poll::Ready(value);
            }
            Delivery::Taken => {
                drop(delivery);
                panic!("the handle of a child was polled after it gave its outcome");
            }
        };
        drop(delivery);
        drop(before);
        Poll::Pending
    }
}

impl<T> Drop for Receipt<T> {
    fn drop(&mut self) {
        // The child may run for long: who awaited it is not to be kept, or woken, for nothing.
        let waiter = match &mut *lock(&self.0) {
            Delivery::Awaited(waiter) => waiter.take(),
            Delivery::Delivered(_) | Delivery::Taken => None,
        };
        drop(waiter);
    }
}
