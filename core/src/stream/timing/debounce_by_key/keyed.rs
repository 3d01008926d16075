//! The latest item of each key, in the order in which they are due: no clock, no hasher.

use super::index::Index;
use crate::instant::Instant;
use std::time::Duration;

/// Every key waits equally long after its last item, and equally long after its first. So two lists are enough, one by
/// each, to which is only ever added at the end: the one at the front of either is due next.
///
/// The entries lie close together: where one is removed, the last takes its place.
#[derive(Debug)]
pub(super) struct Keyed<K, T> {
    quiet: Duration,
    max_wait: Duration,
    entries: Vec<Entry<K, T>>,
    index: Index,
    lists: [Ends; 2],
}

#[derive(Debug)]
struct Entry<K, T> {
    key: K,
    item: T,
    hash: u64,
    // When its first item came, and its last: by which the lists are sorted.
    since: [Instant; 2],
    links: [Ends; 2],
}

/// By the last item, for `quiet`; by the first, for `max_wait`.
const LAST: usize = 0;
const FIRST: usize = 1;

/// Of a list: its first and its last; of an entry: those before and after it.
#[derive(Clone, Copy, Debug)]
struct Ends {
    front: usize,
    back: usize,
}

const NONE: usize = usize::MAX;
const NOWHERE: Ends = Ends { front: NONE, back: NONE };

/// Fewer entries than this are no memory to speak of.
const FEW: usize = 32;

impl<K, T> Keyed<K, T> {
    pub(super) const fn new(quiet: Duration) -> Self {
        let lists = [NOWHERE; 2];
        Self { quiet, max_wait: Duration::MAX, entries: Vec::new(), index: Index::new(), lists }
    }

    pub(super) const fn set_max_wait(&mut self, max_wait: Duration) {
        self.max_wait = max_wait;
    }

    pub(super) const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no item ever waits, and none does.
    pub(super) const fn is_idle(&self) -> bool {
        (self.quiet.is_zero() || self.max_wait.is_zero()) && self.entries.is_empty()
    }

    /// When the next is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next().map(|(_, due)| due)
    }

    /// The next that is due, by now or later.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (at, _) = self.next()?;
        Some(self.remove(at))
    }

    /// The one whose `max_wait` is over by `now`, or that has none.
    pub(super) fn pop_full(&mut self, now: Instant) -> Option<T> {
        // Of the last item: all others that are due were asked for before it came.
        let at = self.lists[LAST].back;
        let is_full = self.quiet.is_zero() || self.entries.get(at)?.since[FIRST] + self.max_wait <= now;
        is_full.then(|| self.remove(at))
    }

    fn next(&self) -> Option<(usize, Instant)> {
        let [last, first] = [(LAST, self.quiet), (FIRST, self.max_wait)].map(|(list, wait)| {
            let at = self.lists[list].front;
            self.entries.get(at).map(|entry| (at, entry.since[list] + wait))
        });
        let (last, first) = (last?, first?);
        Some(if first.1 < last.1 { first } else { last })
    }

    fn remove(&mut self, at: usize) -> T {
        self.unlink(LAST, at);
        self.unlink(FIRST, at);
        self.index.remove(self.entries[at].hash, at);
        let removed = self.entries.swap_remove(at);
        if let Some(moved) = self.entries.get(at) {
            let (hash, links) = (moved.hash, moved.links);
            self.index.rename(hash, self.entries.len(), at);
            for list in [LAST, FIRST] {
                *self.link_after(list, links[list].front) = at;
                *self.link_before(list, links[list].back) = at;
            }
        }
        if self.entries.capacity() > FEW && self.entries.len() < self.entries.capacity() / 8 {
            self.entries.shrink_to(self.entries.capacity() / 4);
        }
        // Its key is dropped when all is in order.
        removed.item
    }

    fn push(&mut self, list: usize, at: usize) {
        let back = self.lists[list].back;
        self.entries[at].links[list] = Ends { front: back, back: NONE };
        *self.link_after(list, back) = at;
        self.lists[list].back = at;
    }

    fn unlink(&mut self, list: usize, at: usize) {
        let Ends { front, back } = self.entries[at].links[list];
        *self.link_after(list, front) = back;
        *self.link_before(list, back) = front;
    }

    /// Who comes after that entry, or first of all.
    fn link_after(&mut self, list: usize, at: usize) -> &mut usize {
        match self.entries.get_mut(at) {
            Some(entry) => &mut entry.links[list].back,
            None => &mut self.lists[list].front,
        }
    }

    /// Who comes before that entry, or last of all.
    fn link_before(&mut self, list: usize, at: usize) -> &mut usize {
        match self.entries.get_mut(at) {
            Some(entry) => &mut entry.links[list].front,
            None => &mut self.lists[list].back,
        }
    }
}

impl<K: Eq, T> Keyed<K, T> {
    /// An item has come; gives the one whose place it takes, with its own key.
    pub(super) fn put(&mut self, key: K, hash: u64, item: T, now: Instant) -> Option<(T, K)> {
        let found = self.index.find(hash, |at| self.entries[at].key == key);
        if let Some(at) = found {
            let entry = &mut self.entries[at];
            entry.since[LAST] = now;
            let before = std::mem::replace(&mut entry.item, item);
            if self.lists[LAST].back != at {
                self.unlink(LAST, at);
                self.push(LAST, at);
            }
            return Some((before, key));
        }
        let at = self.entries.len();
        self.entries.push(Entry { key, item, hash, since: [now; 2], links: [NOWHERE; 2] });
        self.index.insert(hash, at);
        self.push(LAST, at);
        self.push(FIRST, at);
        None
    }
}
