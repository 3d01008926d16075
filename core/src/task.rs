//! Work with an owner: cancelled, scoped, waited for.
//!
//! * [`CancelToken`] tells work to stop, and all that was started below it.

mod cancel_token;

pub use cancel_token::{
    CancelMessage, CancelReason, CancelToken, Cancelled, CancelledFuture, CancelledOwned, DropGuard, Run,
    RunOwned, Shield,
};
