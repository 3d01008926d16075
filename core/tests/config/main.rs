//! Configurations in files: read, written, refused.

mod durations;
mod kit;
mod refused;
mod resilience;
mod runtime;
mod streams;
mod tasks;
mod times;
