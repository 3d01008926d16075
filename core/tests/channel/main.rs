//! Channels: without any runtime, against models, and on the simulated runtime.

mod broadcast;
mod broadcast_model;
mod kit;
#[path = "../common/lock_probe.rs"]
mod lock_probe;
mod mpsc;
mod mpsc_model;
mod mpsc_sweeps;
mod oneshot;
mod types;
mod watch;
