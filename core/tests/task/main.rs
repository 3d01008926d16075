//! What `backstay_core::task` promises, on the simulated runtime or on none; on every runtime: the contract tests.

mod cancel_token;
mod kit;
mod mailbox;
mod scopes;
mod worker_pool;
