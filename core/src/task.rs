//! Work with an owner: cancelled, scoped, waited for.
//!
//! | you want | use |
//! |---|---|
//! | to tell work to stop, and all that was started below it | [`CancelToken`] |
//! | concurrent children that borrow | [`borrow_scope`] |
//! | children that are not `Send` | [`local_scope`] |
//! | tasks whose outcomes one place collects | [`JoinSet`] |
//! | to ask a task that owns something, and have its answer | [`mailbox()`] |

mod borrow_scope;
mod cancel_token;
mod join_set;
mod local_scope;
mod mailbox;
mod nursery;
mod owned_task;
mod parent;

pub use borrow_scope::{Scope, borrow_scope};
pub use cancel_token::{
    CancelMessage, CancelReason, CancelToken, Cancelled, CancelledFuture, CancelledOwned, DropGuard, Run,
    RunOwned, Shield,
};
pub use join_set::{JoinReport, JoinSet, TaskId};
pub use local_scope::{LocalScope, local_scope};
pub use mailbox::{CallError, CallFuture, CallTimeoutFuture, Inbox, Mailbox, Reply, WeakMailbox, mailbox};
pub use nursery::ScopedHandle;
pub use parent::{Parent, Root};
