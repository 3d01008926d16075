//! What came too late.

use std::error::Error;
use std::fmt;

/// What was to be started, given back: who would have run it has been told to stop, or has ended.
pub struct Refused<F>(F);

impl<F> Refused<F> {
    pub(super) const fn new(job: F) -> Self {
        Self(job)
    }

    /// What was to be started.
    pub fn into_inner(self) -> F {
        self.0
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
