//! Channels between tasks, on any runtime or none.
//!
//! | you want | use | where there is no room |
//! |---|---|---|
//! | work from many to one: a queue with a limit | [`mpsc`] | the sender waits; or the oldest or the newest is dropped, and counted |
//! | one reply | [`oneshot`] | there is always room |
//! | the latest value: a configuration, a state | [`watch`] | the new value takes the old one's place |
//! | every value to everybody: events | [`broadcast`] | who is too slow is told what it has missed; or the sender waits |
//!
//! Where several take work from one queue, use the crate `async-channel`, which needs no runtime either. To tell tasks to
//! stop, use none of these: [why](broadcast#not-for-cancellation).
//!
//! Values that can't be sent are given back, and so is the value of a [`send`](mpsc::Sender::send) that is
//! [cancelled](mpsc::SendFuture::into_inner). Nothing of a user's runs while a channel's lock is held: no waker, no clone,
//! no destructor, no closure.

pub mod broadcast;
pub(crate) mod crowd;
mod error;
pub mod mpsc;
pub mod oneshot;
pub(crate) mod only_waiter;
pub(crate) mod places;
pub mod watch;

pub use error::{Closed, SendError, TryRecvError, TrySendError};
