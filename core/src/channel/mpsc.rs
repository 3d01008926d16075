//! Many senders, one receiver, a bounded queue between them; places in it can be reserved.
//!
//! ```
//! use backstay_core::Limit;
//! use backstay_core::channel::mpsc;
//!
//! # futures::executor::block_on(async {
//! let (sender, mut receiver) = mpsc::channel(Limit::new(16)?);
//!
//! // First the place, then the value: a cancelled wait for the place has lost nothing.
//! let permit = sender.reserve().await?;
//! permit.send("made only when it could be sent")?;
//!
//! sender.send("the short way").await?;
//! drop(sender);
//! assert_eq!(receiver.recv().await, Some("made only when it could be sent"));
//! assert_eq!(receiver.recv().await, Some("the short way"));
//! assert_eq!(receiver.recv().await, None); // all senders are gone
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Order and fairness
//!
//! Values are received in the order in which they were sent. Those who wait for a place get theirs in the order in
//! which they were first polled; a place that becomes free is given to the first of them in the same step, and
//! nobody who comes later, not even with [`try_send`](Sender::try_send), overtakes.
//!
//! # The end
//!
//! | what happens | new values | those in the queue and those permitted | the receiver |
//! |---|---|---|---|
//! | the last [`Sender`] is dropped | – | arrive | then gets `None` |
//! | [`Receiver::close`] | given back | arrive | then gets `None` |
//! | the [`Receiver`] is dropped | given back | dropped; a permit gives its value back | – |

mod permit;
mod receiver;
mod reserve;
mod send;
mod sender;
mod state;

pub use super::error::{Closed, SendError, TryRecvError, TrySendError};
pub use permit::{OwnedPermit, Permit, Permits};
pub use receiver::{Receiver, RecvFuture, RecvManyFuture};
pub use reserve::{ReserveError, ReserveFuture, ReserveManyFuture, ReserveOwnedFuture};
pub use send::SendFuture;
pub use sender::{ClosedFuture, Sender, WeakSender};

use crate::limit::Limit;
use state::Shared;

/// What a channel does with a value for which it has no place.
///
/// | | [`send`](Sender::send) | [`try_send`](Sender::try_send) | [`reserve`](Sender::reserve) |
/// |---|---|---|---|
/// | `Wait` | waits for a place | gives the value back | waits for a place |
/// | `DropOldest` | drops the value that has been in the queue for longest | the same | is ready at once: what must go goes when the permit is used |
/// | `DropNewest` | drops the value that it was given | the same | waits for a place: a permit's value is never the one that is dropped |
///
/// What is dropped is counted: [`Receiver::dropped`], [`Sender::dropped`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Overflow {
    /// The sender waits; nothing is dropped.
    #[default]
    Wait,
    /// The value that has been in the queue for longest is dropped: for measurements, where only what is new counts.
    DropOldest,
    /// The new value is dropped: for logs, where what led there counts.
    DropNewest,
}

crate::settings_of_its_own!(Overflow);

/// A channel with so many places, whose senders wait where there is none.
///
/// # Cost
///
/// Two allocations at least, for the channel and for its queue, which grows with what is in it and keeps the memory
/// of its fullest moment: a capacity of [`Limit::MAX`] costs nothing by itself. Then none for each value. Each
/// operation is one short critical section; the receiver is woken only when it waits.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::channel::mpsc;
///
/// # futures::executor::block_on(async {
/// let (sender, mut receiver) = mpsc::channel(Limit::new(2)?);
/// let send = async move {
///     for number in 0..10 {
///         sender.send(number).await?; // waits for the receiver now and then
///     }
///     Ok::<_, mpsc::SendError<_>>(())
/// };
/// let receive = async {
///     let mut sum = 0;
///     while let Some(number) = receiver.recv().await {
///         sum += number;
///     }
///     sum
/// };
/// assert_eq!(futures::join!(send, receive), (Ok(()), 45));
/// # Ok::<(), backstay_core::ConfigError>(())
/// # }).unwrap();
/// ```
#[doc(alias = "bounded")]
#[doc(alias = "sync_channel")]
#[doc(alias = "chan")]
pub fn channel<T>(capacity: impl Into<Limit>) -> (Sender<T>, Receiver<T>) {
    channel_with(capacity, Overflow::Wait)
}

/// A channel with so many places that does as `overflow` says where there is none.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::channel::mpsc::{self, Overflow};
///
/// let (sender, mut receiver) = mpsc::channel_with(Limit::new(2)?, Overflow::DropOldest);
/// for degrees in [19, 20, 21, 22] {
///     sender.try_send(degrees).unwrap();
/// }
/// assert_eq!(receiver.dropped(), 2);
/// assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(21), Ok(22)));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[doc(alias = "overflow")]
pub fn channel_with<T>(capacity: impl Into<Limit>, overflow: Overflow) -> (Sender<T>, Receiver<T>) {
    let shared = Shared::new(capacity.into(), overflow);
    (Sender::new(shared.clone()), Receiver::new(shared))
}
