//! What the models share.

use std::task::{Context, Poll, Waker};

/// Polls once, with a waker that nobody hears, and drops.
pub(crate) fn give_up<F: Future>(future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
