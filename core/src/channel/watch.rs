//! One value that changes, and those who want to know: a configuration, a state, a level.
//!
//! ```
//! use backstay_core::channel::watch;
//!
//! # futures::executor::block_on(async {
//! let (level, mut watched) = watch::channel(1);
//! assert_eq!(*watched.borrow(), 1);
//!
//! level.send(2)?;
//! level.send(3)?;
//! watched.changed().await?; // once, however many there were
//! assert_eq!(*watched.borrow_and_update(), 3);
//!
//! drop(level);
//! assert!(watched.changed().await.is_err());
//! assert_eq!(*watched.borrow(), 3); // still there
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! A receiver sees the latest value, and never misses that there was a change; values in between it may miss. Where each
//! value counts, use [`broadcast`](super::broadcast).
//!
//! # Borrows are snapshots
//!
//! Each value lives in an [`Arc`](std::sync::Arc) of its own, and [`borrow`](Receiver::borrow) gives a [`Ref`] that
//! shares it. So there is no lock that a reader could hold: a borrow may be kept, also across an await; it keeps nobody
//! from sending, and doesn't change. None of your code runs under a lock: not a predicate, not a modification, not a
//! `Clone` or a `Drop`; one that panics leaves the channel as it was. That costs an allocation for each value that is
//! sent, and a reference count for each borrow.

mod changes;
mod receiver;
mod sender;
mod snapshot;
mod state;

pub use super::error::{Closed, SendError};
pub use changes::Changes;
pub use receiver::{ChangedFuture, Receiver, WaitForFuture};
pub use sender::{ClosedFuture, Sender};
pub use snapshot::Ref;

use state::Shared;

/// A channel with the value that its receivers see first. They have seen it: [`changed`](Receiver::changed) waits for
/// the next one.
///
/// # Cost
///
/// Two allocations, and one for each value that is sent. Sending wakes those that wait, and costs nothing for others.
#[doc(alias = "state")]
#[doc(alias = "BehaviorSubject")]
#[doc(alias = "StateFlow")]
pub fn channel<T>(initial: T) -> (Sender<T>, Receiver<T>) {
    let shared = Shared::new(initial);
    (Sender::new(shared.clone()), Receiver::new(shared, 0))
}
