//! The timer of an operator.

use crate::instant::Instant;
use crate::runtime::Runtime;
use crate::time::Timer;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A timer in a box of its own, made when something waits for the first time.
///
/// So an operator can be moved wherever its source can, on any runtime: it need not be pinned to be read with `next`,
/// and can be taken apart afterwards.
pub(super) struct Alarm<R: Runtime>(Option<Pin<Box<Timer<R::Sleep>>>>);

impl<R: Runtime> Alarm<R> {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Ready when the instant has come.
    pub(super) fn poll_until(&mut self, rt: &R, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        self.0.get_or_insert_with(|| Box::pin(Timer::new())).as_mut().poll_until(rt, at, cx)
    }
}
