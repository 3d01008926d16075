//! Work with an owner: cancelled, scoped, waited for.
//!
//! | you want | use |
//! |---|---|
//! | to tell work to stop, and all that was started below it | [`CancelToken`] |
//! | concurrent children that borrow | [`borrow_scope`] |
//! | children that are not `Send` | [`local_scope`] |
//! | tasks that have ended when their scope has, and fail together | [`scope`](scope()) |
//! | tasks whose outcomes one place collects | [`JoinSet`] |
//! | so many jobs at once, async or blocking, and a queue with a limit | [`WorkerPool`] |
//! | to ask a task that owns something, and have its answer | [`mailbox()`] |
//! | a program that ends in order, on a signal | [`Shutdown`] |
//! | tasks that are started again when they fail | [`Supervisor`] |

mod borrow_scope;
mod cancel_token;
mod join_set;
mod local_scope;
mod mailbox;
mod nursery;
mod owned_task;
mod packet;
mod parent;
mod refused;
mod roster;
mod scope;
mod shutdown;
mod supervisor;
mod worker_pool;

pub use borrow_scope::{Scope, borrow_scope};
pub use cancel_token::{
    CancelMessage, CancelReason, CancelToken, Cancelled, CancelledFuture, CancelledOwned, DropGuard, Run,
    RunOwned, Shield,
};
pub use join_set::{JoinReport, JoinSet, NamedSpawn, TaskId};
pub use local_scope::{LocalScope, local_scope};
pub use mailbox::{CallError, CallFuture, CallTimeoutFuture, Inbox, Mailbox, Reply, WeakMailbox, mailbox};
pub use nursery::ScopedHandle;
pub use parent::{Parent, Root};
pub use refused::Refused;
pub use roster::{TaskCounts, TaskLabel};
pub use scope::{
    ChildError, Failure, Failures, NotReady, OnError, OnPanic, Origin, ScopeError, ScopeFuture, SharedScope,
    Started, TaskHandle, TaskScope, scope,
};
pub use shutdown::{RunShutdown, Shutdown, ShutdownConfig, ShutdownReport};
pub use supervisor::{
    AddChildError, AutoShutdown, ChildContext, ChildExit, ChildSpec, GaveUp, Removal, Restart, RestartDelay,
    RunSupervisor, StopLimit, Strategy, Supervisor, SupervisorBuilder, SupervisorConfig, SupervisorEnd,
    SupervisorEvent, SupervisorHandle, SupervisorReport, UnknownChild,
};
pub use worker_pool::{
    AsyncWork, BlockingWork, IntoJob, Job, JobError, JobHandle, PoolHandle, PoolOverflow, PoolReport,
    PoolStats, Priority, RunFuture, SubmitError, SubmitFuture, Work, WorkerPool, WorkerPoolBuilder,
};
