//! Streams merged: by turns, by weight, by priority, and who is polled.

mod model;
mod puppet;
mod set;
mod sweeps;
mod with;
