//! The state machine, without a runtime: time is a number and wakers count.

mod connections;
mod crashes;
mod descriptions;
mod faults;
mod kit;
mod links;
mod listeners;
mod model;
mod opening;
