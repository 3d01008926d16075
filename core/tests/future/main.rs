//! Many futures as one: beside the contract tests, on the simulated runtime or on none.

#[path = "../sync/by_hand.rs"]
mod by_hand;
mod checked;
mod engine;
mod gather;
mod kit;
#[path = "../common/lock_probe.rs"]
mod lock_probe;
mod locks;
mod model;
mod operations;
mod sets;
mod shared;
mod sweeps;
