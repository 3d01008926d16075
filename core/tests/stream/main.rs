//! Streams: operators as marble diagrams in virtual time, sources, and the names of the trait.

mod flatten;
mod kit;
#[path = "../common/lock_probe.rs"]
mod lock_probe;
mod marble;
mod nasty;
mod results;
mod retry;
mod share;
mod sweeps;
mod until;
