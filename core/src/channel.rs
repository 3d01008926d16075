//! Channels between tasks, on any runtime or none.

mod error;
pub mod mpsc;
pub mod oneshot;
mod only_waiter;
mod places;

pub use error::{Closed, SendError, TryRecvError, TrySendError};
