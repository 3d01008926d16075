//! The places of a bounded channel: how many are taken, and who waits for some.
//!
//! Numbers and wakers, under the channel's mutex. A place that becomes free goes to who waits for it in the same
//! step, so that nobody else can take it meanwhile.

use crate::limit::Limit;
use crate::sync::own_waker::OwnWaker;
use crate::sync::wait_list::{Key, Left, WaitList, Wakers};
use std::task::{Poll, Waker};

/// | a turn | its places | left by |
/// |---|---|---|
/// | new | none | `poll_take` |
/// | waiting | none | `next`, `refuse`, `leave` |
/// | given them | taken | `poll_take`, which makes them its caller's; `leave`, which frees them |
/// | refused | none | `poll_take`, `leave` |
#[derive(Debug)]
pub(crate) struct Places {
    capacity: Limit,
    taken: usize,
    waiting: WaitList<Wanted>,
}

#[derive(Debug)]
struct Wanted {
    places: usize,
    given: bool,
}

/// Where one that takes places stands in the line, if it had to join it. Not to be dropped before [`Places::leave`].
#[derive(Debug, Default)]
pub(crate) struct Turn(Option<Key>);

impl Turn {
    pub(crate) const fn is_new(&self) -> bool {
        self.0.is_none()
    }
}

/// No place will be given.
#[derive(Debug)]
pub(crate) struct Refused;

impl Places {
    pub(crate) const fn new(capacity: Limit) -> Self {
        Self { capacity, taken: 0, waiting: WaitList::new() }
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity.get()
    }

    /// Those of who was given some and has not seen it yet among them.
    pub(crate) const fn taken(&self) -> usize {
        self.taken
    }

    pub(crate) const fn waiting(&self) -> usize {
        self.waiting.waiting()
    }

    const fn free(&self) -> usize {
        self.capacity.get().saturating_sub(self.taken)
    }

    /// Takes so many at once; where somebody waits, none is free.
    pub(crate) const fn try_take(&mut self, places: usize) -> bool {
        let has_them = self.waiting.is_empty() && places <= self.free();
        if has_them {
            self.taken += places;
        }
        has_them
    }

    /// Takes so many, be they free or not; fails where they can't be counted.
    pub(crate) const fn take_anyway(&mut self, places: usize) -> bool {
        match self.taken.checked_add(places) {
            Some(taken) => {
                self.taken = taken;
                true
            }
            None => false,
        }
    }

    /// Frees so many that were taken; then [`next`](Self::next), until it gives none.
    pub(crate) const fn give_back(&mut self, places: usize) {
        self.taken -= places;
    }

    /// Gives whoever is first in the line its places, if so many are free. Who waits for many is not passed by
    /// those behind it who want fewer.
    ///
    /// Where one place was freed, one turn at most gets on: no more are free than the first wants.
    pub(crate) fn next(&mut self) -> Option<Waker> {
        let free = self.free();
        let first = self.waiting.front_mut()?;
        if first.places > free {
            return None;
        }
        first.given = true;
        self.taken += first.places;
        self.waiting.notify_front()
    }

    /// Refuses all who wait; who was given places keeps them.
    pub(crate) fn refuse(&mut self, wakers: &mut Wakers) {
        self.waiting.notify_all(wakers);
    }

    /// Waits in line for so many places, which are the caller's when it is ready.
    pub(crate) fn poll_take(
        &mut self,
        turn: &mut Turn,
        places: usize,
        own: &mut OwnWaker<'_>,
    ) -> Poll<Result<(), Refused>> {
        match &turn.0 {
            None if self.try_take(places) => Poll::Ready(Ok(())),
            None => {
                turn.0 = own.take().map(|waker| self.waiting.push(waker, Wanted { places, given: false }));
                Poll::Pending
            }
            Some(key) if !self.waiting.is_notified(key) => {
                self.waiting.set_waker(key, own);
                Poll::Pending
            }
            Some(_) => match turn.0.take().map(|key| self.waiting.remove(key)) {
                Some(Left::Notified(Wanted { given: true, .. })) => Poll::Ready(Ok(())),
                _ => Poll::Ready(Err(Refused)),
            },
        }
    }

    /// Leaves the line: what it was given is free again, and those behind it may get on. The waker given must be
    /// dropped after the mutex is free.
    #[must_use = "to be dropped after the mutex is free"]
    pub(crate) fn leave(&mut self, turn: &mut Turn, wakers: &mut Wakers) -> Option<Waker> {
        let old = match self.waiting.remove(turn.0.take()?) {
            Left::Waiting(waker, _) => Some(waker),
            Left::Notified(wanted) => {
                if wanted.given {
                    self.give_back(wanted.places);
                }
                None
            }
        };
        self.advance(wakers);
        old
    }

    /// Gives places to all who can have theirs.
    pub(crate) fn advance(&mut self, wakers: &mut Wakers) {
        while let Some(waker) = self.next() {
            wakers.push(waker);
        }
    }
}
