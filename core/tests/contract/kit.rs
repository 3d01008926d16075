//! What the tests share.

use backstay_core::Runtime;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Long enough on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// One poll with a waker that nobody hears.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls up to `polls` times, with time for the world to move in between, then drops.
///
/// Gives the output if there was one: the operation is no longer being cancelled then.
pub(crate) async fn drop_after<R: Runtime, F: Future>(rt: &R, polls: usize, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll_once(future.as_mut()) {
            return Some(output);
        }
        rt.sleep(ms(1)).await;
    }
    None
}
