//! Real files: on the simulated runtime, without any, and in several processes.
#![cfg(unix)]

mod kit;
mod processes;
mod write_atomic;
