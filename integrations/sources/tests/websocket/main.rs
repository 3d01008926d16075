//! WebSockets: real ones on every runtime, and simulated ones in virtual time.

mod broken;
mod close;
mod drops;
mod keep_alive;
mod kit;
mod messages;
mod opening;
mod pressure;
