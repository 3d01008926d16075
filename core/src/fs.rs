//! Files, on the runtime's blocking pool.
//!
//! * [`write_atomic`] replaces a file's contents whole, or not at all.
//!
//! Errors name the path and the step: see [`FsError`].

mod error;
mod write_atomic;

pub use error::FsError;
pub use write_atomic::{WriteAtomic, write_atomic, write_atomic_blocking};
