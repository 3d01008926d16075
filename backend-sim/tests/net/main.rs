//! The simulated network, through the traits that programs use and the handle that tests use.

mod determinism;
mod errors;
mod faults;
mod hosts;
mod kit;
mod links;
mod reports;
mod sockets;
