//! Channels between tasks, on any runtime or none.
//!
//! | you want | use |
//! |---|---|
//! | work or messages from many to one, with backpressure | [`mpsc`] |
//! | one value, once: an answer | [`oneshot`] |
//! | the latest value of something that changes | [`watch`] |
//! | every value for each who listens | [`broadcast`] |
//! | to tell work to stop | none of these: a [`CancelToken`](crate::task::CancelToken) |

pub mod broadcast;
mod crowd;
mod error;
pub mod mpsc;
pub mod oneshot;
mod only_waiter;
mod places;
pub mod watch;

pub use error::{Closed, SendError, TryRecvError, TrySendError};
