//! Channels between tasks, on any runtime or none.

pub mod broadcast;
mod crowd;
mod error;
pub mod mpsc;
pub mod oneshot;
mod only_waiter;
mod places;
pub mod watch;

pub use error::{Closed, SendError, TryRecvError, TrySendError};
