//! The futures that wait for a token and do nothing else.

use super::node::{Node, Until};
use super::reason::CancelReason;
use super::wait::Waiting;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

/// The future of [`CancelToken::cancelled`](super::CancelToken::cancelled): why the token was cancelled, once it is.
///
/// It may be polled again after that, and is ready again.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct CancelledFuture<'a>(Waiting<&'a Node>);

/// The future of [`CancelToken::cancelled_owned`](super::CancelToken::cancelled_owned): why the token was cancelled,
/// once it is.
///
/// It may be polled again after that, and is ready again.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct CancelledOwned(Waiting<Arc<Node>>);

impl<'a> CancelledFuture<'a> {
    pub(super) const fn new(node: &'a Node) -> Self {
        Self(Waiting::new(node))
    }
}

impl CancelledOwned {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self(Waiting::new(node))
    }
}

impl Future for CancelledFuture<'_> {
    type Output = CancelReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CancelReason> {
        poll(&mut self.0, cx)
    }
}

impl Future for CancelledOwned {
    type Output = CancelReason;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CancelReason> {
        poll(&mut self.0, cx)
    }
}

fn poll<N: Deref<Target = Node>>(waiting: &mut Waiting<N>, cx: &mut Context<'_>) -> Poll<CancelReason> {
    if waiting.node().is_cancelled() {
        waiting.leave();
    } else {
        ready!(waiting.poll(cx, Until::Cancelled));
    }
    Poll::Ready(waiting.node().why())
}

impl fmt::Debug for CancelledFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelledFuture").finish_non_exhaustive()
    }
}

impl fmt::Debug for CancelledOwned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelledOwned").finish_non_exhaustive()
    }
}
