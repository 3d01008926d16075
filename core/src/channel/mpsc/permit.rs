//! Places in the queue that are reserved.

use super::sender::Sender;
use super::state::Shared;
use crate::channel::error::SendError;
use crate::probe::{self, Held};
use std::fmt;
use std::iter::FusedIterator;

/// A place in the queue, reserved with [`Sender::reserve`]. Dropped, it goes to the next in line.
#[must_use = "a permit that is dropped gives its place back"]
pub struct Permit<'a, T> {
    shared: &'a Shared<T>,
    is_used: bool,
    _held: Held,
}

impl<'a, T> Permit<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>) -> Self {
        Self { shared, is_used: false, _held: held() }
    }

    /// Sends `value`, at once.
    ///
    /// It also does after [`Receiver::close`](super::Receiver::close): what was permitted arrives.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if the receiver is gone.
    pub fn send(mut self, value: T) -> Result<(), SendError<T>> {
        self.is_used = true;
        let pushed = self.shared.lock().send_permitted(value)?;
        pushed.finish();
        Ok(())
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        if !self.is_used {
            self.shared.give_back(1);
        }
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// Places in the queue, reserved with [`Sender::reserve_many`]: an iterator of [`Permit`]s. Those that were not taken
/// out when it is dropped go to the next in line.
#[must_use = "permits that are dropped give their places back"]
pub struct Permits<'a, T> {
    shared: &'a Shared<T>,
    left: usize,
    held: Held,
}

impl<'a, T> Permits<'a, T> {
    pub(super) fn new(shared: &'a Shared<T>, places: usize) -> Self {
        Self { shared, left: places, held: held() }
    }
}

impl<'a, T> Iterator for Permits<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.left = self.left.checked_sub(1)?;
        let permit = Permit::new(self.shared);
        if self.left == 0 {
            self.held = Held::default();
        }
        Some(permit)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Permits<'_, T> {}

impl<T> FusedIterator for Permits<'_, T> {}

impl<T> Drop for Permits<'_, T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.shared.give_back(self.left);
        }
    }
}

impl<T> fmt::Debug for Permits<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits").field("left", &self.left).finish_non_exhaustive()
    }
}

/// A place in the queue and the sender, reserved with [`Sender::reserve_owned`]. Dropped, its place goes to the next in
/// line.
#[must_use = "a permit that is dropped gives its place back"]
pub struct OwnedPermit<T> {
    // There until the permit is used.
    sender: Option<Sender<T>>,
    _held: Held,
}

impl<T> OwnedPermit<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self { sender: Some(sender), _held: held() }
    }

    /// Sends `value`, at once, and gives the sender back.
    ///
    /// It also does after [`Receiver::close`](super::Receiver::close): what was permitted arrives.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if the receiver is gone; the sender is dropped.
    pub fn send(mut self, value: T) -> Result<Sender<T>, SendError<T>> {
        let Some(sender) = self.sender.take() else { unreachable!("a permit is used once, by value") };
        let pushed = sender.shared().lock().send_permitted(value)?;
        pushed.finish();
        Ok(sender)
    }

    /// Gives the place back, and the sender.
    pub fn release(mut self) -> Sender<T> {
        let Some(sender) = self.sender.take() else { unreachable!("a permit is used once, by value") };
        sender.shared().give_back(1);
        sender
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.shared().give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").finish_non_exhaustive()
    }
}

fn held() -> Held {
    probe::hold(|| "mpsc permit".to_owned())
}
