//! The same yield for all: wake oneself, be pending once.

use std::pin::Pin;
use std::task::{Context, Poll};

/// Pending once.
#[derive(Default)]
pub(crate) struct YieldNow {
    yielded: bool,
}

/// Lets others run.
pub(crate) fn yield_now() -> YieldNow {
    YieldNow::default()
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
