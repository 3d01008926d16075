//! A point in time, with the clock that tells when it has come.

use crate::instant::Instant;
use crate::runtime::{Runtime, Sleep};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// When a token ends by itself, on a runtime that is erased: a token has no type parameter.
pub(super) trait Deadline: Send + Sync {
    fn at(&self) -> Instant;

    /// The time until it comes.
    fn remaining(&self) -> Duration;

    /// A future that is pending until it has come.
    fn sleep(&self) -> Pin<Box<dyn Sleep>>;
}

struct On<R> {
    rt: R,
    at: Instant,
}

pub(super) fn on<R: Runtime>(rt: &R, at: Instant) -> Arc<dyn Deadline> {
    Arc::new(On { rt: rt.clone(), at })
}

impl<R: Runtime> Deadline for On<R> {
    fn at(&self) -> Instant {
        self.at
    }

    fn remaining(&self) -> Duration {
        self.at - self.rt.now()
    }

    fn sleep(&self) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.rt.sleep_until(self.at))
    }
}
