//! What the handles share: the flights under their mutex. What may run anything is done when that is free.

use super::state::{Flights, Following, Outcome, Ticket};
use crate::primitives::{Arc, Mutex, lock};
use crate::sip_keys::SipKeys;
use crate::sync::own_waker::{OwnWaker, poll_locked};
use crate::sync::wait_list::{Key, Left, Wakers};
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::task::{Context, Poll, Waker};

pub(super) struct Shared<K, T, E> {
    flights: Mutex<Flights<K, T, E>>,
    hasher: SipKeys,
}

/// How one who comes takes part.
pub(super) enum Joined<T, E> {
    Leads(Ticket),
    Follows(Following<T, E>),
}

/// What one who follows learns when it is polled.
pub(super) enum Turn {
    Lead,
    Ended,
}

impl<K, T, E> Shared<K, T, E> {
    pub(super) fn new(hasher: SipKeys) -> Self {
        Self { flights: Mutex::new(Flights::new()), hasher }
    }

    pub(super) fn in_flight(&self) -> usize {
        lock(&self.flights).len()
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.flights).waiting()
    }

    /// Somebody comes: it leads if there is no flight of this key, and its key is taken; otherwise it follows.
    pub(super) fn join(&self, key: &mut Option<K>, cx: &Context<'_>) -> Option<Joined<T, E>>
    where
        K: Hash + Eq,
    {
        let hash = self.hasher.hash_one(key.as_ref()?);
        let joined = poll_locked(cx, |own| {
            let mut flights = lock(&self.flights);
            let Some(ticket) = key.as_ref().and_then(|key| flights.find(key, hash)) else {
                return Poll::Ready(key.take().map(|key| Joined::Leads(flights.begin(key, hash))));
            };
            own.take().map_or(Poll::Pending, |waker| {
                Poll::Ready(flights.follow(ticket, waker).map(Joined::Follows))
            })
        });
        match joined {
            Poll::Ready(joined) => joined,
            Poll::Pending => None,
        }
    }

    /// One who follows is polled.
    pub(super) fn look(&self, ticket: Ticket, place: &mut Option<Key>, own: &mut OwnWaker<'_>) -> Poll<Turn> {
        let mut flights = lock(&self.flights);
        let Some(entry) = flights.get_mut(ticket) else { return Poll::Ready(Turn::Ended) };
        match place {
            Some(waiting) if !entry.waiters.is_notified(waiting) => {
                entry.waiters.set_waker(waiting, own);
                Poll::Pending
            }
            notified => {
                // It has no waker any more.
                let _ = notified.take().map(|place| entry.waiters.remove(place));
                Poll::Ready(Turn::Lead)
            }
        }
    }

    /// The leader has its result: if nobody follows that is the end; else where it is to be put for them.
    pub(super) fn end_alone(&self, ticket: Ticket) -> Option<Arc<Outcome<T, E>>> {
        let mut flights = lock(&self.flights);
        let entry = flights.get_mut(ticket)?;
        if !entry.waiters.is_empty() {
            return entry.outcome.clone();
        }
        let gone = flights.end(ticket);
        drop(flights);
        drop(gone);
        None
    }

    /// The outcome is set: all who follow are woken.
    pub(super) fn end(&self, ticket: Ticket) {
        let mut wakers = Wakers::new();
        let ended = lock(&self.flights).end(ticket);
        let Some((key, mut entry)) = ended else { return };
        entry.waiters.notify_all(&mut wakers);
        // The outcome is theirs alone before they are woken: the last of them needs no clone.
        drop(entry);
        drop(key);
    }

    /// The leader has gone without a result.
    pub(super) fn pass_on(&self, ticket: Ticket) {
        let (next, _gone) = lock(&self.flights).pass_on(ticket);
        wake(next);
    }

    /// One who follows gives up: if it was to lead, the next is.
    pub(super) fn leave(&self, ticket: Ticket, place: Key) {
        // Its waker is dropped after the mutex is free, and after the next one is woken.
        let (left, next, _gone);
        let mut flights = lock(&self.flights);
        left = flights.leave(ticket, place);
        (next, _gone) = match left {
            Some(Left::Notified(())) => flights.pass_on(ticket),
            _ => (None, None),
        };
        drop(flights);
        wake(next);
    }

    pub(super) fn forget<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let hash = self.hasher.hash_one(key);
        let mut flights = lock(&self.flights);
        let found = flights.find(key, hash);
        if let Some(ticket) = found {
            flights.forget(ticket);
        }
        found.is_some()
    }

    /// For whoever reads why a program stands still.
    pub(super) fn describe(&self) -> String {
        let flights = lock(&self.flights);
        format!("single flight, {} in flight, {} waiting", flights.len(), flights.waiting())
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
