//! Configurations in files: read, written, refused.

mod kit;
mod resilience;
