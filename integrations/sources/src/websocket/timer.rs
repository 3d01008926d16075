//! The one timer of a connection.

use backstay_core::time::Instant;
use backstay_core::{Runtime, Sleep};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Made when it is needed for the first time, and then moved. A deadline that only ever moves away costs no timer
/// operation a move: the timer fires early, and is set again then.
pub(super) struct Timer<R: Runtime> {
    sleep: Option<Pin<Box<R::Sleep>>>,
    /// When it fires; `None` if it has.
    fires_at: Option<Instant>,
}

impl<R: Runtime> Timer<R> {
    pub(super) const fn new() -> Self {
        Self { sleep: None, fires_at: None }
    }

    /// Ready when the instant has come.
    pub(super) fn poll_until(&mut self, rt: &R, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let sleep = self.sleep.get_or_insert_with(|| {
                self.fires_at = Some(at);
                Box::pin(rt.sleep_until(at))
            });
            if self.fires_at.is_none_or(|fires_at| fires_at > at) {
                sleep.as_mut().reset(at);
                self.fires_at = Some(at);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.fires_at.take() == Some(at) {
                return Poll::Ready(());
            }
        }
    }
}
