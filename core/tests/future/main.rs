//! Many futures as one: beside the contract tests, on the simulated runtime or on none.

#[path = "../sync/by_hand.rs"]
mod by_hand;
mod engine;
mod gather;
mod kit;
mod model;
mod sets;
mod shared;
