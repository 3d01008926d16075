//! What tests of async code need, on any runtime (feature `testing`).
//!
//! | you want to know | use |
//! |---|---|
//! | whether a future or stream keeps the contract of `poll`, and whether its caller does | [`checked`], [`checked_stream`] |
//! | whether all that was made has been dropped | [`Tracker`] |
//! | whether a place was ever reached | [`sometimes!`](crate::sometimes) |
//! | what code waits for and holds | [`Recorder`](crate::probe::Recorder) |
//!
//! The deterministic runtime of `backstay-sim` brings the rest: virtual time, every schedule, faults, sweeps.

mod contract;
mod tracker;

pub use contract::{Checked, CheckedStream, checked, checked_stream};
pub use tracker::{Tracked, Tracker};
