//! What is under way, by key: who leads and who waits.

use crate::keyed_slab::KeyedSlab;
use crate::primitives::Arc;
use crate::sync::wait_list::{Key, Left, WaitList};
use std::borrow::Borrow;
use std::sync::OnceLock;
use std::task::Waker;

/// What the leader got, for those who follow.
pub(super) type Outcome<T, E> = OnceLock<Result<T, E>>;

/// One run of an operation for all who ask for its key.
///
/// | flight | its waiters | left by |
/// |---|---|---|
/// | led | all wait | its leader, who ends it or passes it on |
/// | passed on | the first is notified, the others wait | that one, who leads it or passes it on |
/// | ended | none: it is taken out | – |
#[derive(Debug)]
pub(super) struct Entry<T, E> {
    // Of no other flight, ever: what an older one has left to do finds nothing in a newer one's place.
    id: u64,
    pub(super) waiters: WaitList<()>,
    // Made for the first who follows.
    pub(super) outcome: Option<Arc<Outcome<T, E>>>,
}

/// One that was taken out, with its key.
pub(super) type Ended<K, T, E> = (K, Entry<T, E>);

/// A flight, for who takes part in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    at: usize,
    id: u64,
}

/// Who follows: which flight, its place in the queue, and where the result will be.
#[derive(Debug)]
pub(super) struct Following<T, E> {
    pub(super) ticket: Ticket,
    // Until it leads.
    pub(super) place: Option<Key>,
    pub(super) outcome: Arc<Outcome<T, E>>,
}

/// All flights. It lives under a mutex, and runs nothing of the user's but `Eq`, in `find`.
#[derive(Debug)]
pub(super) struct Flights<K, T, E> {
    entries: KeyedSlab<K, Entry<T, E>>,
    next_id: u64,
}

impl<K, T, E> Flights<K, T, E> {
    pub(super) const fn new() -> Self {
        Self { entries: KeyedSlab::new(), next_id: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.entries.values().map(|entry| entry.waiters.waiting()).sum()
    }

    /// The flight of a key.
    pub(super) fn find<Q: Eq + ?Sized>(&self, key: &Q, hash: u64) -> Option<Ticket>
    where
        K: Borrow<Q>,
    {
        let at = self.entries.find(key, hash)?;
        self.entries.get(at).map(|entry| Ticket { at, id: entry.id })
    }

    /// A new flight, with whoever made it as its leader. There is none of that key.
    pub(super) fn begin(&mut self, key: K, hash: u64) -> Ticket {
        let id = self.next_id;
        self.next_id += 1;
        let entry = Entry { id, waiters: WaitList::new(), outcome: None };
        Ticket { at: self.entries.insert(key, hash, entry), id }
    }

    /// One more who follows, the last in the queue.
    pub(super) fn follow(&mut self, ticket: Ticket, waker: Waker) -> Option<Following<T, E>> {
        let entry = self.get_mut(ticket)?;
        let outcome = Arc::clone(entry.outcome.get_or_insert_with(|| Arc::new(Outcome::new())));
        Some(Following { ticket, place: Some(entry.waiters.push(waker, ())), outcome })
    }

    /// It, unless it has ended.
    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Entry<T, E>> {
        self.entries.get_mut(ticket.at).filter(|entry| entry.id == ticket.id)
    }

    /// Takes it out, if it has not ended: it has then.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn end(&mut self, ticket: Ticket) -> Option<Ended<K, T, E>> {
        self.get_mut(ticket)?;
        self.entries.remove(ticket.at)
    }

    /// Its leader has gone, or whoever was to be: the first who waits is to lead. If nobody waits it has ended.
    #[must_use = "to be woken, and dropped, after the mutex is free"]
    pub(super) fn pass_on(&mut self, ticket: Ticket) -> (Option<Waker>, Option<Ended<K, T, E>>) {
        match self.get_mut(ticket).and_then(|entry| entry.waiters.notify_front()) {
            Some(next) => (Some(next), None),
            None => (None, self.end(ticket)),
        }
    }

    /// One who follows leaves.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn leave(&mut self, ticket: Ticket, place: Key) -> Option<Left<()>> {
        self.get_mut(ticket).map(|entry| entry.waiters.remove(place))
    }

    /// It goes on, and is not found any more.
    pub(super) fn forget(&mut self, ticket: Ticket) {
        if self.get_mut(ticket).is_some() {
            self.entries.unlist(ticket.at);
        }
    }
}
