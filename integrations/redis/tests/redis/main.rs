//! Limiters of several processes, over a real server on every runtime, and over a scripted one on the simulated network.

mod failures;
mod fake;
mod kit;
mod limits;
mod script;
mod simulated;
