//! What goes on in a stream while nobody takes an item of it.

use std::pin::Pin;
use std::task::Context;

/// Drives what is in flight in a stream without taking anything: see [`Progress`].
pub(crate) type Drive<S> = fn(Pin<&mut S>, &mut Context<'_>);

/// A stream with something in flight, which can be driven while its items are not wanted yet.
pub(crate) trait Progress {
    /// Drives what is in flight. Leaves the task's waker with it; must not be called after the end.
    fn poll_progress(self: Pin<&mut Self>, cx: &mut Context<'_>);
}

/// The [`Drive`] of any stream: nothing is known to be in flight.
pub(crate) fn nothing<S>(_: Pin<&mut S>, _: &mut Context<'_>) {}
