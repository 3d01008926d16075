//! What core promises beside the rules of the conformance suite, on every runtime and erased.

mod cancel_token;
mod broadcast;
mod instant;
mod join;
mod kit;
mod mpsc;
mod net;
mod oneshot;
mod select;
mod notify;
mod semaphore;
mod ticker;
mod timeout;
mod watch;
mod write_atomic;
