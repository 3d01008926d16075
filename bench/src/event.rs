//! What idle tasks wait for: one event, with a place for each of them that is there before they are, so that what
//! memory they take is theirs and the runtime's.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// Something that so many wait for at once.
#[derive(Clone)]
pub(crate) struct Event(Arc<Mutex<State>>);

struct State {
    /// Of those that wait; behind them, places that are free.
    wakers: Vec<Waker>,
    waiting: usize,
    is_open: bool,
}

impl Event {
    /// For so many.
    pub(crate) fn new(places: u64) -> Self {
        // Written once, they are resident.
        let wakers = (0..places).map(|_| Waker::noop().clone()).collect();
        Self(Arc::new(Mutex::new(State { wakers, waiting: 0, is_open: false })))
    }

    /// Until it opens; gives 1.
    pub(crate) fn wait(&self) -> Wait {
        Wait { event: self.clone(), place: None }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.with(|state| state.waiting) as u64
    }

    /// Lets all of them go on.
    pub(crate) fn open(&self) {
        let wakers = self.with(|state| {
            state.is_open = true;
            std::mem::take(&mut state.wakers)
        });
        wakers.into_iter().for_each(Waker::wake);
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// One that waits.
pub(crate) struct Wait {
    event: Event,
    place: Option<usize>,
}

impl Future for Wait {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        let (waker, place) = (cx.waker().clone(), self.place);
        let (place, _waker) = self.event.with(|state| {
            if state.is_open {
                return (None, waker);
            }
            let place = place.unwrap_or_else(|| {
                state.waiting += 1;
                state.waiting - 1
            });
            // Destroyed outside the lock: a runtime's code.
            let old = match state.wakers.get_mut(place) {
                Some(old) => std::mem::replace(old, waker),
                None => {
                    state.wakers.push(waker);
                    Waker::noop().clone()
                }
            };
            (Some(place), old)
        });
        self.place = place;
        if place.is_none() { Poll::Ready(1) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join_all;
    use futures::poll;
    use smol::block_on;

    #[test]
    fn all_wait_and_all_go_on() {
        let event = Event::new(3);
        let mut waits: Vec<_> = (0..4).map(|_| event.wait()).collect();
        block_on(async {
            for wait in &mut waits {
                assert!(poll!(&mut *wait).is_pending() && poll!(wait).is_pending());
            }
            assert_eq!(event.waiting(), 4);
            event.open();
            assert_eq!(join_all(waits).await, [1; 4]);
            assert_eq!(event.wait().await, 1);
        });
    }
}
