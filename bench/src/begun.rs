//! When a runtime was begun to be started.

use crate::failure::Failure;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

static BEGUN: Mutex<Option<Instant>> = Mutex::new(None);

/// A runtime is about to be started.
pub(crate) fn begin() {
    *BEGUN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

/// How many microseconds ago that was, of several runtimes for the last.
pub(crate) fn microseconds() -> Result<f64, Failure> {
    let begun = *BEGUN.lock().unwrap_or_else(PoisonError::into_inner);
    let begun = begun.ok_or(Failure::Lost("the runtime's start"))?;
    Ok(begun.elapsed().as_secs_f64() * 1e6)
}
