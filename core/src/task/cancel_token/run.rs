//! A future that is dropped when its token is cancelled.

use super::node::{Node, Until};
use super::reason::Cancelled;
use super::wait::Waiting;
use pin_project_lite::pin_project;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The future of [`CancelToken::run`](super::CancelToken::run).
    ///
    /// # Panics
    ///
    /// If it is polled again after it has ended.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Run<'a, F> {
        #[pin]
        running: Running<&'a Node, F>,
    }
}

pin_project! {
    /// The future of [`CancelToken::run_owned`](super::CancelToken::run_owned).
    ///
    /// # Panics
    ///
    /// If it is polled again after it has ended.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct RunOwned<F> {
        #[pin]
        running: Running<Arc<Node>, F>,
    }
}

pin_project! {
    /// | state | future | begun | left by |
    /// |---|---|---|---|
    /// | new | there | no | the first poll |
    /// | running | there | yes | its value; the token, as soon as no shield is held |
    /// | ended | dropped | either | – |
    struct Running<N, F>
    where
        N: Deref<Target = Node>,
    {
        #[pin]
        future: Option<F>,
        begun: bool,
        waiting: Waiting<N>,
    }
}

impl<'a, F> Run<'a, F> {
    pub(super) const fn new(node: &'a Node, future: F) -> Self {
        Self { running: Running::new(node, future) }
    }
}

impl<F> RunOwned<F> {
    pub(super) const fn new(node: Arc<Node>, future: F) -> Self {
        Self { running: Running::new(node, future) }
    }
}

impl<N: Deref<Target = Node>, F> Running<N, F> {
    const fn new(node: N, future: F) -> Self {
        Self { future: Some(future), begun: false, waiting: Waiting::new(node) }
    }
}

impl<F: Future> Future for Run<'_, F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().running.poll(cx)
    }
}

impl<F: Future> Future for RunOwned<F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().running.poll(cx)
    }
}

impl<N: Deref<Target = Node>, F: Future> Future for Running<N, F> {
    type Output = Result<F::Output, Cancelled>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            panic!("a `Run` was polled after it had ended");
        };
        let node = this.waiting.node();
        // A shield is for what has begun.
        let is_over = node.is_cancelled() && !(*this.begun && node.is_shielded());
        let value = if is_over {
            None
        } else {
            *this.begun = true;
            match future.poll(cx) {
                Poll::Ready(value) => Some(value),
                Poll::Pending => {
                    ready!(this.waiting.poll(cx, Until::Unshielded));
                    None
                }
            }
        };
        this.waiting.leave();
        this.future.set(None);
        Poll::Ready(value.ok_or_else(|| Cancelled::new(this.waiting.node().why())))
    }
}

impl<F: fmt::Debug> fmt::Debug for Run<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("future", &self.running.future).finish_non_exhaustive()
    }
}

impl<F: fmt::Debug> fmt::Debug for RunOwned<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOwned").field("future", &self.running.future).finish_non_exhaustive()
    }
}
