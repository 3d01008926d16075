//! What core promises beside the rules of the conformance suite, on every runtime and erased.

mod broadcast;
mod instant;
mod join;
mod kit;
mod mpsc;
mod net;
mod oneshot;
mod ticker;
mod timeout;
mod watch;
