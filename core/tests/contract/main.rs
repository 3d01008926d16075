//! What core promises beside the rules of the conformance suite, on every runtime and erased.

mod cancel_token;
mod event_loop;
mod instant;
mod join;
mod kit;
mod net;
mod select;
mod ticker;
mod timeout;
mod write_atomic;
