//! Many futures as one.

#[path = "../sync/by_hand.rs"]
mod by_hand;
mod shared;
