//! The timer.

use crate::runtime::{End, Tokio};
use backstay_core::Sleep;
use backstay_core::runtime::backend::clock;
use backstay_core::time::Instant;
use pin_project_lite::pin_project;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// tokio's sleep.
    ///
    /// Ready on its first poll when its instant has passed (tokio's own would wait for the next
    /// millisecond); pending for ever when its runtime, one of ours, has ended (tokio's own would panic).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct TokioSleep {
        #[pin]
        native: tokio::time::Sleep,
        end: Option<Arc<End>>,
        elapsed: bool,
    }
}

impl TokioSleep {
    pub(crate) fn new(rt: &Tokio, at: tokio::time::Instant, elapsed: bool) -> Self {
        Self { native: rt.enter(|| tokio::time::sleep_until(at)), end: rt.end(), elapsed }
    }
}

impl Sleep for TokioSleep {
    fn reset(self: Pin<&mut Self>, at: Instant) {
        let this = self.project();
        if this.end.as_ref().is_some_and(|end| end.is_set()) {
            return;
        }
        let now = tokio::time::Instant::now();
        let at = tokio::time::Instant::from_std(clock::to_std(at, || now.into_std()));
        *this.elapsed = at <= now;
        if !*this.elapsed {
            this.native.reset(at);
        }
    }
}

impl Future for TokioSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        if *this.elapsed {
            return Poll::Ready(());
        }
        let Some(end) = this.end else {
            return this.native.poll(cx);
        };
        if end.is_set() {
            return Poll::Pending;
        }
        // The runtime may end right here, and tokio's sleep panic.
        match catch_unwind(AssertUnwindSafe(|| this.native.poll(cx))) {
            Ok(poll) => poll,
            Err(_) if end.is_set() => Poll::Pending,
            Err(payload) => resume_unwind(payload),
        }
    }
}
