//! Many timers in one task, the same way for all.

use crate::sim::job::timer_ends;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// Timers that are registered and wait, in the order of their ends.
pub(super) struct Timers<S>(Vec<Option<Pin<Box<S>>>>);

impl<S: Future> Timers<S> {
    /// Makes `timers` sleeps and polls each once, in a scrambled order.
    pub(super) async fn register(timers: u64, mut sleep: impl FnMut(Duration) -> S) -> Self {
        let mut slots: Vec<_> = (0..timers).map(|_| None).collect();
        for place in 0..timers {
            let ends = timer_ends(place, timers);
            let mut timer = Box::pin(sleep(Duration::from_millis(ends)));
            let pending = poll_fn(|cx| Poll::Ready(timer.as_mut().poll(cx).is_pending())).await;
            // One that is ready at once is not counted, so the sum comes out wrong.
            slots[ends as usize - 1] = pending.then_some(timer);
        }
        Self(slots)
    }

    /// Waits for one after the other; gives how many there were.
    pub(super) async fn all(self) -> u64 {
        let mut fired = 0;
        for timer in self.0.into_iter().flatten() {
            timer.await;
            fired += 1;
        }
        fired
    }
}
