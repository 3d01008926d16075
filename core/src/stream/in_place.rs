//! What has panicked is not polled again.

use std::mem;
use std::pin::Pin;
use std::task::Poll;

/// Polls what is in a place, if there is anything. Where that panics it is dropped, and the place is empty: what has
/// panicked once would do nothing but panic again, and keep its place for ever.
#[inline(always)]
pub(super) fn poll_in_place<T, P>(
    place: Pin<&mut Option<T>>,
    poll: impl FnOnce(Pin<&mut T>) -> Poll<P>,
) -> Option<Poll<P>> {
    /// Empties the place, unless it is told not to.
    struct Empty<'a, T>(Pin<&'a mut Option<T>>);

    impl<T> Drop for Empty<'_, T> {
        fn drop(&mut self) {
            self.0.set(None);
        }
    }

    let mut empty = Empty(place);
    let polled = empty.0.as_mut().as_pin_mut().map(poll);
    mem::forget(empty);
    polled
}
