//! Letting others run.

use std::pin::Pin;
use std::task::{Context, Poll};

/// The future of [`Runtime::yield_now`](super::Runtime::yield_now): pending once, then ready.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct YieldNow {
    give_way: fn(&mut Context<'_>),
    yielded: bool,
}

impl YieldNow {
    /// Wakes its own task at once.
    #[inline]
    pub(super) const fn new() -> Self {
        Self::by(|cx| cx.waker().wake_by_ref())
    }

    /// For a backend whose tasks can give way better than by a wake of their own: `give_way` is called in the one poll
    /// that is pending, and sees to it that the task is woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::runtime::YieldNow;
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let mut yields = pin!(YieldNow::by(|cx| cx.waker().wake_by_ref()));
    /// assert!(yields.as_mut().poll(&mut cx).is_pending());
    /// assert!(yields.poll(&mut cx).is_ready());
    /// ```
    #[inline]
    pub const fn by(give_way: fn(&mut Context<'_>)) -> Self {
        Self { give_way, yielded: false }
    }
}

impl Future for YieldNow {
    type Output = ();

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        (self.give_way)(cx);
        Poll::Pending
    }
}
