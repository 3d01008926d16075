//! Streams: operators as marble diagrams in virtual time, sources, and the names of the trait.

mod adjacent;
mod batch;
mod batch_types;
#[allow(dead_code, reason = "what it does not need here")]
#[path = "../resilience/by_hand.rs"]
mod by_hand;
mod combine;
mod concurrent;
mod cut;
mod flatten;
mod kit;
#[path = "../common/lock_probe.rs"]
mod lock_probe;
mod marble;
mod merge;
mod names;
mod nasty;
mod overflow;
mod pinning;
mod results;
mod retry;
mod share;
mod sources;
mod split;
mod sweeps;
mod timing;
mod until;
