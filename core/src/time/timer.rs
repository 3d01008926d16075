//! The one timer of whatever waits again and again.

use crate::instant::Instant;
use crate::runtime::{Runtime, Sleep};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A timer that is made when something waits for the first time, and then moved. A deadline that only ever moves
    /// away costs no timer operation a move: the timer fires early, and is set again then.
    #[derive(Debug)]
    pub(crate) struct Timer<S> {
        #[pin]
        sleep: Option<S>,
        // When it fires; `None` if it has, and must be set before it is polled again.
        fires_at: Option<Instant>,
    }
}

impl<S: Sleep> Timer<S> {
    pub(crate) const fn new() -> Self {
        Self { sleep: None, fires_at: None }
    }

    /// Ready when the instant has come.
    pub(crate) fn poll_until<R: Runtime<Sleep = S>>(
        self: Pin<&mut Self>,
        rt: &R,
        at: Instant,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut this = self.project();
        loop {
            if this.fires_at.is_none_or(|fires_at| fires_at > at) {
                match this.sleep.as_mut().as_pin_mut() {
                    Some(sleep) => sleep.reset(at),
                    None => this.sleep.set(Some(rt.sleep_until(at))),
                }
                *this.fires_at = Some(at);
            }
            let Some(sleep) = this.sleep.as_mut().as_pin_mut() else { return Poll::Pending };
            if sleep.poll(cx).is_pending() {
                return Poll::Pending;
            }
            if this.fires_at.take() == Some(at) {
                return Poll::Ready(());
            }
        }
    }
}
