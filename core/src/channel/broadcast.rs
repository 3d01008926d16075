//! Every receiver gets every value that was sent since it subscribed: events, prices, log lines.
//!
//! ```
//! use backstay_core::Limit;
//! use backstay_core::channel::broadcast::{self, RecvError};
//!
//! # futures::executor::block_on(async {
//! let (sender, mut fast) = broadcast::channel(Limit::new(4)?);
//! let mut slow = sender.subscribe();
//! for number in 0..10 {
//!     sender.send(number)?;
//!     assert_eq!(fast.recv().await, Ok(number));
//! }
//! drop(sender);
//! assert_eq!(slow.recv().await, Err(RecvError::Lagged(6))); // told, and never silently
//! assert_eq!(slow.recv().await, Ok(6)); // and on with the oldest of the last four
//! # for number in 7..10 { assert_eq!(slow.recv().await, Ok(number)); }
//! # assert_eq!(slow.recv().await, Err(RecvError::Closed));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! # Receivers that don't keep up
//!
//! | made by | sending | a receiver that is more than `capacity` values behind |
//! |---|---|---|
//! | [`channel`] | never waits | gets `Lagged` with how many it has missed, then the oldest value that is kept |
//! | [`channel_with`] and [`Lag::Error`] | never waits | gets `Lagged`, then `Closed`: for readers to whom a gap is worse than an end |
//! | [`waiting`] | waits for the slowest receiver | there is none; one that never reads stops everybody |
//!
//! # Order
//!
//! All receivers see the values of all senders in one order, in which they were sent.
//!
//! # Not for cancellation
//!
//! A signal to stop must not be lost, must be seen by who comes later, and must not wait behind other news. Here it can be
//! overrun, a receiver that subscribes after it never sees it, and somebody will ignore `Lagged`. Use a `CancelToken`; for
//! a state, such as "draining", a [`watch`](super::watch).

mod error;
mod receiver;
mod sender;
mod state;
mod waiting_sender;

pub use super::error::{SendError, TrySendError};
pub use error::{Lagged, RecvError, TryRecvError};
pub use receiver::{Receiver, RecvFuture};
pub use sender::Sender;
pub use waiting_sender::{SendFuture, WaitingSender};

use crate::limit::Limit;
use state::{Behind, Shared};

/// What becomes of a receiver that has missed values, where senders don't wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum Lag {
    /// It is told how many, and goes on with the oldest that is kept.
    #[default]
    Skip,
    /// It is told how many, and that is its end.
    Error,
}

/// A channel that keeps so many values for receivers that are behind; one that is further behind is told, and skips.
///
/// # Cost
///
/// Two allocations at least, for the channel and for the values that are kept, whose memory grows with them; then one
/// for each value. Sending is one critical section, whatever the number of receivers, and a wake for each that waits;
/// so is receiving, and a clone of the value for all but the last that reads it.
#[doc(alias = "PublishSubject")]
#[doc(alias = "SharedFlow")]
pub fn channel<T>(capacity: impl Into<Limit>) -> (Sender<T>, Receiver<T>) {
    channel_with(capacity, Lag::Skip)
}

/// A channel that keeps so many values for receivers that are behind, and does as `lag` says with one that is further
/// behind.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::channel::broadcast::{self, Lag, TryRecvError};
///
/// let (ledger, mut reader) = broadcast::channel_with(Limit::new(2)?, Lag::Error);
/// for entry in 1..=5 {
///     ledger.send(entry).unwrap();
/// }
/// assert_eq!(reader.try_recv(), Err(TryRecvError::Lagged(3)));
/// assert_eq!(reader.try_recv(), Err(TryRecvError::Closed)); // a ledger with a gap is none
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
pub fn channel_with<T>(capacity: impl Into<Limit>, lag: Lag) -> (Sender<T>, Receiver<T>) {
    let behind = match lag {
        Lag::Skip => Behind::Skips,
        Lag::Error => Behind::Ends,
    };
    let (shared, reader) = Shared::new(capacity.into(), behind);
    (Sender::new(shared.clone()), Receiver::new(shared, reader))
}

/// A channel whose senders wait while the slowest receiver is so many values behind: nobody misses any.
///
/// # Cost
///
/// That of [`channel`].
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::channel::broadcast::{self, TrySendError};
///
/// # futures::executor::block_on(async {
/// let (sender, mut a) = broadcast::waiting(Limit::ONE);
/// let mut b = sender.subscribe();
/// sender.send(1).await?;
/// assert_eq!(a.recv().await, Ok(1));
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2))); // b has not read the first yet
/// assert_eq!(b.recv().await, Ok(1));
/// assert_eq!(sender.try_send(2), Ok(()));
/// # Ok::<(), broadcast::SendError<u32>>(())
/// # }).unwrap();
/// ```
#[doc(alias = "backpressure")]
#[doc(alias = "lossless")]
pub fn waiting<T>(capacity: impl Into<Limit>) -> (WaitingSender<T>, Receiver<T>) {
    let (shared, reader) = Shared::new(capacity.into(), Behind::KeepsSendersWaiting);
    (WaitingSender::new(shared.clone()), Receiver::new(shared, reader))
}
