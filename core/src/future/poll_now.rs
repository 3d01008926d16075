//! One look at a future, without waiting (recipe 7.6).

use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Polls `future` once: its output if it is ready now, else `None`. Never waits.
///
/// A future that is pending is dropped inside that poll. Around a [`select2`](crate::select::select2) this is the
/// "default" branch: what to do when none of them is ready.
///
/// `None` says that the future was not ready in this poll, and no more: one that needs two polls for want of
/// anything better (that yields, or is a chain of tasks) is not ready in its first. The future sees the task's own
/// waker, so the task may be woken once more for what is dropped by then.
///
/// # Cancel safety
///
/// It is ready at its first poll: there is nothing to cut. What a pending future has done in its one poll is up to
/// that future's own cancel safety.
///
/// # Cost
///
/// No allocation.
///
/// # Panics
///
/// Its future, when it is polled again.
///
/// # Examples
///
/// ```
/// use backstay_core::future::poll_now;
/// use backstay_core::select::{OneOf2, select2};
/// use futures::StreamExt;
/// use futures::channel::mpsc;
///
/// # futures::executor::block_on(async {
/// let (orders, mut inbox) = mpsc::unbounded();
/// let (_alarms, mut alarm) = mpsc::unbounded::<u32>();
/// assert_eq!(poll_now(select2(alarm.next(), inbox.next())).await, None);
///
/// orders.unbounded_send("tea").unwrap();
/// assert_eq!(poll_now(select2(alarm.next(), inbox.next())).await, Some(OneOf2::Second(Some("tea"))));
/// # });
/// ```
#[doc(alias = "now_or_never")]
#[doc(alias = "poll_immediate")]
#[doc(alias = "default")]
pub fn poll_now<F: Future>(future: F) -> PollNow<F> {
    PollNow { future: Some(future) }
}

pin_project! {
    /// The future of [`poll_now`].
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct PollNow<F> {
        // `None` once it was polled.
        #[pin]
        future: Option<F>,
    }
}

impl<F: Future> Future for PollNow<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.project().future;
        let Some(future) = slot.as_mut().as_pin_mut() else {
            panic!("poll_now was polled after it gave its output");
        };
        let output = match future.poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        };
        slot.set(None);
        Poll::Ready(output)
    }
}

impl<F> fmt::Debug for PollNow<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollNow").field("has_ended", &self.future.is_none()).finish_non_exhaustive()
    }
}
