//! The items that are kept, and who has still to read them: no waker is woken here, and no item cloned or dropped.

use super::config::SlowReader;
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

/// Items are numbered, and `first` is the number of the oldest that is kept. A reader is a number: that of the item
/// which it reads next.
///
/// | an item is kept | until |
/// |---|---|
/// | because readers have still to read it | the last has |
/// | because it is one of the last `replay` | there are so many newer ones |
/// | for both reasons | there is no room, where slow readers don't keep the others waiting |
///
/// No item has more readers than the next, so that those that are kept for nobody are the first.
#[derive(Debug)]
pub(super) struct Items<T> {
    ring: VecDeque<Slot<T>>,
    first: u64,
    readers: usize,
    replay: usize,
    // More than `replay`.
    most: usize,
    slow: SlowReader,
}

#[derive(Debug)]
struct Slot<T> {
    // Read by many at once, who clone it under no lock.
    item: Arc<T>,
    readers: usize,
}

/// One that reads.
#[derive(Debug)]
pub(super) struct Reader {
    next: u64,
    has_left: bool,
}

/// What there is for a reader.
#[derive(Debug)]
pub(super) enum Read<T> {
    /// The next item, and whether there was no room before, and is now.
    Item(Arc<T>, bool),
    /// It has missed so many.
    Lagged(u64),
    /// It has read all.
    Nothing,
    /// It was too slow where that is the end.
    Left,
}

impl<T> Items<T> {
    pub(super) const fn new(replay: usize, most: usize, slow: SlowReader) -> Self {
        Self { ring: VecDeque::new(), first: 0, readers: 0, replay, most, slow }
    }

    /// Another reader, of the last items and of all that come.
    pub(super) fn subscribe(&mut self) -> Reader {
        let replayed = self.ring.len().min(self.replay);
        let from = self.ring.len() - replayed;
        self.ring.range_mut(from..).for_each(|slot| slot.readers += 1);
        self.readers += 1;
        Reader { next: self.first + from as u64, has_left: false }
    }

    /// What is next for a reader.
    pub(super) fn read(&mut self, reader: &mut Reader) -> Read<T> {
        if reader.has_left {
            return Read::Left;
        }
        if let missed @ 1.. = self.first.saturating_sub(reader.next) {
            reader.next = self.first;
            return Read::Lagged(missed);
        }
        let index = (reader.next - self.first) as usize;
        let Some(slot) = self.ring.get_mut(index) else { return Read::Nothing };
        reader.next += 1;
        slot.readers -= 1;
        let item = Arc::clone(&slot.item);
        let was_full = !self.has_room();
        // Of those before it nobody is a reader any more either.
        let Some(unwanted) = self.pop_unwanted() else { return Read::Item(item, false) };
        // Only counted down: there is the other.
        drop(item);
        Read::Item(unwanted, was_full)
    }

    /// Whether the source may give another item.
    pub(super) fn has_room(&self) -> bool {
        self.slow != SlowReader::KeepsOthersWaiting || self.ring.len() < self.most
    }

    /// Whether who has lagged reads no more.
    pub(super) fn lag_is_the_end(&self) -> bool {
        self.slow == SlowReader::Ends
    }

    /// Another item; what had to go for it is given, to be dropped after the mutex is free.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn push(&mut self, item: Arc<T>) -> Option<Arc<T>> {
        self.ring.push_back(Slot { item, readers: self.readers });
        if self.ring.len() > self.most { self.pop() } else { self.pop_unwanted() }
    }

    /// One that reads no more; what nobody else wants is given, to be dropped after the mutex is free, and whether
    /// there was no room before, and is now.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn unsubscribe(&mut self, reader: &mut Reader) -> (Vec<Arc<T>>, bool) {
        if mem::replace(&mut reader.has_left, true) {
            return (Vec::new(), false);
        }
        let was_full = !self.has_room();
        self.readers -= 1;
        let unread = reader.next.saturating_sub(self.first) as usize;
        self.ring.range_mut(unread..).for_each(|slot| slot.readers -= 1);
        let mut unwanted = Vec::new();
        while let Some(item) = self.pop_unwanted() {
            unwanted.push(item);
        }
        (unwanted, was_full && self.has_room())
    }

    /// How many items there are for a reader at least: what it may miss by then is told by one.
    pub(super) fn least(&self, reader: &Reader) -> usize {
        if reader.has_left {
            return 0;
        }
        let unread = (self.first + self.ring.len() as u64).saturating_sub(reader.next) as usize;
        if self.slow == SlowReader::KeepsOthersWaiting { unread } else { unread.min(1) }
    }

    /// How many there are for a reader at most, where no other comes.
    pub(super) fn rest(&self, reader: &Reader) -> usize {
        let is_behind = reader.next < self.first;
        match (reader.has_left, is_behind && self.lag_is_the_end()) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => {
                let unread = self.first + self.ring.len() as u64 - reader.next.max(self.first);
                unread as usize + usize::from(is_behind)
            }
        }
    }

    pub(super) fn kept(&self) -> usize {
        self.ring.len()
    }

    pub(super) const fn readers(&self) -> usize {
        self.readers
    }

    /// Takes out the oldest, if nobody is to read it and it is not replayed either.
    fn pop_unwanted(&mut self) -> Option<Arc<T>> {
        let is_unwanted = self.ring.len() > self.replay && self.ring.front()?.readers == 0;
        if is_unwanted { self.pop() } else { None }
    }

    fn pop(&mut self) -> Option<Arc<T>> {
        let slot = self.ring.pop_front()?;
        self.first += 1;
        Some(slot.item)
    }
}
