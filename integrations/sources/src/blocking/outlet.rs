//! Where the thread puts its items.

use super::error::BlockingError;
use crate::waking::caught;
use backstay_core::channel::mpsc::{Sender, TrySendError};
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

pub(super) type Item<T> = Result<T, BlockingError>;

/// The thread's end of the channel: it waits for a place by sleeping.
pub(super) struct Outlet<T> {
    sender: Sender<Item<T>>,
    waker: Waker,
}

/// Nobody reads any more.
#[derive(Debug)]
pub(super) struct Closed;

impl<T> Outlet<T> {
    /// For the thread that calls this.
    pub(super) fn new(sender: Sender<Item<T>>) -> Self {
        Self { sender, waker: Waker::from(Arc::new(Unpark(thread::current()))) }
    }

    /// Puts an item; sleeps until there is a place for it.
    pub(super) fn put(&self, item: Item<T>) -> Result<(), Closed> {
        match self.unharmed(|| self.sender.try_send(item)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Closed(_))) => Err(Closed),
            Some(Err(TrySendError::Full(item))) => self.wait_and_put(item),
        }
    }

    fn wait_and_put(&self, item: Item<T>) -> Result<(), Closed> {
        let mut send = pin!(self.sender.send(item));
        let mut context = Context::from_waker(&self.waker);
        loop {
            match self.unharmed(|| send.as_mut().poll(&mut context)) {
                None => return Ok(()),
                Some(Poll::Ready(sent)) => return sent.map_err(|_| Closed),
                Some(Poll::Pending) => thread::park(),
            }
        }
    }

    /// `None` if the reader's waker panics: the item is in the queue by then, and the source goes on.
    fn unharmed<O>(&self, send: impl FnOnce() -> O) -> Option<O> {
        caught(send).map_err(mem::forget).ok()
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
