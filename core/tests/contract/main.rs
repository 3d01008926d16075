//! What core promises beside the rules of the conformance suite, on every runtime and erased.

mod instant;
mod join;
mod kit;
mod mpsc;
mod net;
mod select;
mod semaphore;
mod oneshot;
mod ticker;
mod timeout;
