//! What `backstay_core::task` promises, on the simulated runtime or on none; on every runtime: the contract tests.

mod cancel_token;
mod join_set;
mod kit;
#[path = "../common/lock_probe.rs"]
mod lock_probe;
mod mailbox;
mod parents;
mod scope_ends;
mod scopes;
mod shutdown;
mod supervisor;
mod task_scope;
mod worker_pool;
