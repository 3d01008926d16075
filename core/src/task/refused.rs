//! What came too late.

use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What was to be started, given back: who would have run it has been told to stop, or has ended.
pub struct Refused<F>(
    // The mutex is never contended: it makes the job, which is `Send` only, `Sync` too, as an error should be.
    Mutex<F>,
);

impl<F> Refused<F> {
    pub(super) const fn new(job: F) -> Self {
        Self(Mutex::new(job))
    }

    /// What was to be started.
    pub fn into_inner(self) -> F {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing new is started here any more")
    }
}

impl<F> Error for Refused<F> {}
