//! What core promises beside the rules of the conformance suite, on every runtime and erased.

mod gather;
mod instant;
mod join;
mod kit;
mod net;
mod sets;
mod ticker;
mod timeout;
