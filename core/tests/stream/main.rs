//! Streams: operators as marble diagrams in virtual time, sources, and the names of the trait.

mod batch;
mod batch_types;
#[allow(dead_code, reason = "what it does not need here")]
#[path = "../resilience/by_hand.rs"]
mod by_hand;
mod cut;
mod kit;
#[path = "../common/lock_probe.rs"]
mod lock_probe;
mod marble;
mod overflow;
mod sources;
