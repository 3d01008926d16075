//! Who sends and never waits.

use super::receiver::Receiver;
use super::state::{Shared, Value};
use crate::channel::error::SendError;
use crate::primitives::Arc;
use crate::sync::wait_list::Wakers;
use std::fmt;

/// Sends values to all [`Receiver`]s, and never waits; made by [`channel`](super::channel) and
/// [`channel_with`](super::channel_with).
///
/// Clones send to the same receivers, which get [`Closed`](super::RecvError::Closed) when the last of them is gone.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// The channel counts one sender already.
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Sends `value`, at once. Where there is no room for it, the oldest value goes: receivers that have not read it have
    /// lagged.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if there is no receiver.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::broadcast::{self, SendError};
    ///
    /// let (sender, receiver) = broadcast::channel(Limit::ONE);
    /// drop(receiver);
    /// assert_eq!(sender.send(1), Err(SendError(1)));
    /// let mut receiver = sender.subscribe(); // sees what is sent from now on
    /// sender.send(2).unwrap();
    /// assert_eq!(receiver.try_recv(), Ok(2));
    /// ```
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        let value = Value::new(value);
        let mut wakers = Wakers::new();
        let sent = self.shared.lock().send(value, &mut wakers);
        sent.map(drop).map_err(SendError::unshared)
    }

    /// Another receiver, of what is sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        let reader = self.shared.lock().subscribe();
        Receiver::new(Arc::clone(&self.shared), reader)
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.shared.lock().receivers()
    }

    /// How many values are kept at most.
    pub fn capacity(&self) -> usize {
        self.shared.lock().capacity()
    }

    /// Whether both send to the same receivers.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().add_sender();
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut wakers = Wakers::new();
        self.shared.lock().remove_sender(&mut wakers);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("receivers", &self.receiver_count()).finish_non_exhaustive()
    }
}
