//! Streams: operators as marble diagrams in virtual time, sources, and the names of the trait.

mod flatten;
mod kit;
mod marble;
mod nasty;
mod results;
mod retry;
mod sweeps;
mod until;
