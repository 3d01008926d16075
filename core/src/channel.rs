//! Channels between tasks, on any runtime or none.

mod error;
pub mod mpsc;
mod places;

pub use error::{Closed, SendError, TryRecvError, TrySendError};
