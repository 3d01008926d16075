//! The same yield for all: wake oneself, be pending once.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Pending once.
pub(super) struct YieldNow(bool);

/// Lets others run.
pub(super) fn yield_now() -> YieldNow {
    YieldNow(false)
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
