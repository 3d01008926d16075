//! What core promises beside the rules of the conformance suite, on every runtime and erased.

mod broadcast;
mod cancel_token;
mod event_loop;
mod gather;
mod instant;
mod join;
mod join_set;
mod kit;
mod mailbox;
mod mpsc;
mod net;
mod notify;
mod oneshot;
mod scopes;
mod select;
mod semaphore;
mod sets;
mod shared;
mod shutdown;
mod supervisor;
mod task_scope;
mod ticker;
mod timeout;
mod watch;
mod worker_pool;
mod write_atomic;
