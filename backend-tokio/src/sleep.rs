//! The timer.

use crate::context::Context;
use backstay_core::Sleep;
use backstay_core::runtime::backend::clock;
use backstay_core::time::Instant;
use pin_project_lite::pin_project;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{self, Poll};

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
        context: Context,
        elapsed: bool,
    }
}

impl TokioSleep {
    #[inline]
    pub(crate) fn new(context: &Context, at: tokio::time::Instant, elapsed: bool) -> Self {
        Self { native: context.enter(|| tokio::time::sleep_until(at)), context: context.clone(), elapsed }
    }
}

impl Sleep for TokioSleep {
    fn reset(self: Pin<&mut Self>, at: Instant) {
        let this = self.project();
        let now = tokio::time::Instant::now();
        let at = tokio::time::Instant::from_std(clock::to_std(at, || now.into_std()));
        *this.elapsed = at <= now;
        if !*this.elapsed && !this.context.has_ended() {
            this.native.reset(at);
        }
    }
}

impl Future for TokioSleep {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.project();
        if *this.elapsed {
            return Poll::Ready(());
        }
        if this.context.has_ended() {
            return Poll::Pending;
        }
        // The runtime may end right here: tokio then fires every timer, or panics.
        match catch_unwind(AssertUnwindSafe(|| this.native.poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            _ if this.context.has_ended() => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(()),
            Err(payload) => resume_unwind(payload),
        }
    }
}
