//! The timer.

use crate::context::{Context, is_shutdown};
use backstay_core::Sleep;
use backstay_core::runtime::backend::clock;
use backstay_core::time::Instant;
use pin_project_lite::pin_project;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{self, Poll};
use tokio::task::unconstrained;
use tokio::time;

pin_project! {
    /// tokio's sleep.
    ///
    /// Ready on its first poll when its instant has passed (tokio's own would wait for the next
    /// millisecond); pending for ever when its runtime has ended (tokio's own would panic). Where only tokio
    /// knows of the end, the panic hook sees that panic once.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct TokioSleep {
        #[pin]
        native: time::Sleep,
        context: Context,
        elapsed: bool,
    }
}

impl TokioSleep {
    /// A sleep until the instant that `deadline` makes of the current one, and whether that has passed.
    #[inline]
    pub(crate) fn new(
        context: &Context,
        deadline: impl FnOnce(time::Instant) -> (time::Instant, bool),
    ) -> Self {
        // Inside the runtime's context, where a paused clock shows.
        context.enter(|| {
            let (at, elapsed) = deadline(time::Instant::now());
            Self { native: time::sleep_until(at), context: context.clone(), elapsed }
        })
    }
}

impl Sleep for TokioSleep {
    fn reset(self: Pin<&mut Self>, at: Instant) {
        let this = self.project();
        let at = clock::to_std(at, || time::Instant::now().into_std()).into();
        *this.elapsed = this.context.enter(|| at <= time::Instant::now());
        if !this.context.has_ended() {
            this.native.reset(at);
        }
    }
}

impl Future for TokioSleep {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let mut this = self.project();
        if *this.elapsed {
            return Poll::Ready(());
        }
        if this.context.has_ended() {
            return Poll::Pending;
        }
        // Outside the cooperative budget: work that uses it up must not keep its own timeout from firing.
        let native = unconstrained(this.native.as_mut());
        // The runtime may end right here: tokio then fires every timer, or panics.
        match catch_unwind(AssertUnwindSafe(|| pin!(native).poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Err(payload) if !is_shutdown(&*payload) => resume_unwind(payload),
            Ok(Poll::Ready(())) if has_passed(this.context, this.native.deadline()) => Poll::Ready(()),
            // It has ended, and nobody may have told.
            _ => {
                this.context.set_ended();
                Poll::Pending
            }
        }
    }
}

/// Whether a sleep that says so is over: tokio says it of all when the runtime ends.
#[cold]
fn has_passed(context: &Context, deadline: time::Instant) -> bool {
    context.enter(|| deadline <= time::Instant::now())
}
