//! Synchronization without a runtime: waiting for a permit, waiting to be told.
//!
//! | you want | use |
//! |---|---|
//! | at most n at a time, or a share of n | [`Semaphore`] |
//! | to be told that something has happened | [`Notify`] |

mod notify;
pub(crate) mod own_waker;
mod semaphore;
pub(crate) mod wait_list;

pub use notify::{Notified, Notify};
pub use semaphore::{Acquire, AcquireError, AcquireOwned, OwnedPermit, Permit, Semaphore, TryAcquireError};
pub(crate) use semaphore::{Lease, Refusal, Turn};
