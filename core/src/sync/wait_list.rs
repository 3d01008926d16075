//! Who waits, in order: the one list behind every primitive that makes its callers wait.
//!
//! It lives under its primitive's mutex. A waiter that is notified leaves the queue, but keeps its entry until it
//! has seen that or is dropped: so a primitive can tell that somebody who was woken will never come, and wake the
//! next one. Entries are numbered, not linked by pointers: a list that has grown allocates nothing.
//!
//! Nothing here clones, wakes or drops a waker: each may run anything, also what takes the same mutex. Wakers are
//! cloned before, and handed out, to be woken or dropped once the mutex is free.

use crate::sync::own_waker::OwnWaker;
use smallvec::SmallVec;
use std::mem;
use std::task::Waker;

/// Waiters in the order in which they came, each with data of its primitive's.
///
/// | entry | is in the queue | left by |
/// |---|---|---|
/// | free | no | `push` |
/// | waiting | yes | `notify…`, `remove` |
/// | notified | no | `remove` |
#[derive(Debug)]
pub(crate) struct WaitList<T> {
    entries: Vec<Entry<T>>,
    first: usize,
    last: usize,
    free: usize,
    waiting: usize,
    notified: usize,
}

#[derive(Debug)]
struct Entry<T> {
    state: State<T>,
    // Neighbours in the queue; of a free one, `next` is the next that is free.
    previous: usize,
    next: usize,
}

#[derive(Debug)]
enum State<T> {
    Free,
    Waiting { waker: Waker, data: T },
    Notified { data: T },
}

/// No entry.
const NONE: usize = usize::MAX;

/// How many entries are kept when all have gone.
const KEPT: usize = 64;

/// A waiter's entry. It has to be given back to [`WaitList::remove`], once.
#[derive(Debug)]
pub(crate) struct Key(usize);

/// What came of a waiter that has left.
#[derive(Debug)]
#[must_use = "a waker in it must be dropped after the mutex is free, and a notification may have to be passed on"]
pub(crate) enum Left<T> {
    /// Nobody had notified it.
    Waiting(Waker, T),
    /// Somebody had: where it does not use that itself, it must be passed on.
    Notified(T),
}

impl<T> WaitList<T> {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), first: NONE, last: NONE, free: NONE, waiting: 0, notified: 0 }
    }

    /// How many wait, those that are notified aside.
    pub(crate) const fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether nobody waits, those that are notified aside.
    pub(crate) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// A new waiter, the last in the queue.
    pub(crate) fn push(&mut self, waker: Waker, data: T) -> Key {
        let entry = Entry { state: State::Waiting { waker, data }, previous: self.last, next: NONE };
        let index = self.free;
        let index = match self.entries.get_mut(index) {
            Some(free) => {
                self.free = free.next;
                *free = entry;
                index
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        match self.entries.get_mut(self.last) {
            Some(last) => last.next = index,
            None => self.first = index,
        }
        self.last = index;
        self.waiting += 1;
        Key(index)
    }

    /// Whether it has been notified.
    pub(crate) fn is_notified(&self, key: &Key) -> bool {
        matches!(self.entries[key.0].state, State::Notified { .. })
    }

    /// Gives a waiter that was polled again its new waker, where that is another; not to one that is notified.
    pub(crate) fn set_waker(&mut self, key: &Key, own: &mut OwnWaker<'_>) {
        if let State::Waiting { waker, .. } = &mut self.entries[key.0].state {
            own.replace(waker);
        }
    }

    /// As [`set_waker`](Self::set_waker), with a clone that is there; hands out the one before.
    #[must_use = "to be dropped after the mutex is free"]
    pub(crate) fn replace_waker(&mut self, key: &Key, new: Waker) -> Option<Waker> {
        match &mut self.entries[key.0].state {
            State::Waiting { waker, .. } => Some(mem::replace(waker, new)),
            _ => Some(new),
        }
    }

    /// What the primitive knows of who is first in the queue.
    pub(crate) fn front_mut(&mut self) -> Option<&mut T> {
        match &mut self.entries.get_mut(self.first)?.state {
            State::Waiting { data, .. } => Some(data),
            _ => unreachable!("only who waits is in the queue"),
        }
    }

    /// Whether it is first in the queue.
    pub(crate) fn is_front(&self, key: &Key) -> bool {
        self.first == key.0
    }

    /// What the primitive knows of one in the queue.
    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut T> {
        match &mut self.entries[key.0].state {
            State::Waiting { data, .. } => Some(data),
            State::Notified { .. } | State::Free => None,
        }
    }

    /// Hands out the waker of who is first in the queue, who stays there: it brings another when it is polled.
    pub(crate) fn wake_front(&mut self) -> Option<Waker> {
        match &mut self.entries.get_mut(self.first)?.state {
            State::Waiting { waker, .. } => Some(mem::replace(waker, Waker::noop().clone())),
            _ => unreachable!("only who waits is in the queue"),
        }
    }

    /// Notifies who is first in the queue.
    pub(crate) fn notify_front(&mut self) -> Option<Waker> {
        let index = self.first;
        self.entries.get(index)?;
        Some(self.notify(index))
    }

    /// Notifies, in order, those in the queue whom `is_meant` picks.
    pub(crate) fn notify_those(&mut self, mut is_meant: impl FnMut(&mut T) -> bool, wakers: &mut Wakers) {
        let mut index = self.first;
        while let Some(entry) = self.entries.get_mut(index) {
            let next = entry.next;
            let State::Waiting { data, .. } = &mut entry.state else {
                unreachable!("only who waits is in the queue");
            };
            if is_meant(data) {
                wakers.push(self.notify(index));
            }
            index = next;
        }
    }

    /// Notifies everybody in the queue.
    pub(crate) fn notify_all(&mut self, wakers: &mut Wakers) {
        while let Some(waker) = self.notify_front() {
            wakers.push(waker);
        }
    }

    /// Frees a waiter's entry.
    pub(crate) fn remove(&mut self, key: Key) -> Left<T> {
        let index = key.0;
        let left = match mem::replace(&mut self.entries[index].state, State::Free) {
            State::Waiting { waker, data } => {
                self.unlink(index);
                Left::Waiting(waker, data)
            }
            State::Notified { data } => {
                self.notified -= 1;
                Left::Notified(data)
            }
            State::Free => unreachable!("a key is given back once"),
        };
        self.entries[index].next = mem::replace(&mut self.free, index);
        if self.waiting == 0 && self.notified == 0 {
            self.start_afresh();
        }
        left
    }

    /// All entries are free: the memory of a large crowd is given back.
    fn start_afresh(&mut self) {
        if self.entries.capacity() > KEPT {
            self.entries = Vec::new();
        } else {
            self.entries.clear();
        }
        self.free = NONE;
    }

    /// Takes a waiter out of the queue, to be woken.
    fn notify(&mut self, index: usize) -> Waker {
        self.unlink(index);
        let entry = &mut self.entries[index];
        let State::Waiting { waker, data } = mem::replace(&mut entry.state, State::Free) else {
            unreachable!("only who waits is in the queue");
        };
        entry.state = State::Notified { data };
        self.notified += 1;
        waker
    }

    /// Takes a waiter out of the queue.
    fn unlink(&mut self, index: usize) {
        let (previous, next) = (self.entries[index].previous, self.entries[index].next);
        match self.entries.get_mut(previous) {
            Some(entry) => entry.next = next,
            None => self.first = next,
        }
        match self.entries.get_mut(next) {
            Some(entry) => entry.previous = previous,
            None => self.last = previous,
        }
        self.waiting -= 1;
    }
}

/// Wakers that were taken under a mutex, to be woken once it is free.
///
/// Dropping them wakes them, all of them, also where one panics. Up to eight need no memory.
#[derive(Debug, Default)]
#[must_use = "dropping them wakes them: not before the mutex is free"]
pub(crate) struct Wakers(SmallVec<[Waker; 8]>);

impl Wakers {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn push(&mut self, waker: Waker) {
        self.0.push(waker);
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        /// Goes on where one has panicked.
        struct Rest<I: Iterator<Item = Waker>>(I);

        impl<I: Iterator<Item = Waker>> Drop for Rest<I> {
            fn drop(&mut self) {
                self.0.by_ref().for_each(Waker::wake);
            }
        }

        let mut rest = Rest(self.0.drain(..));
        rest.0.by_ref().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use std::task::Wake;

    fn waker() -> Waker {
        Waker::noop().clone()
    }

    fn list(names: &[&'static str]) -> (WaitList<&'static str>, Vec<Key>) {
        let mut list = WaitList::new();
        let keys = names.iter().map(|&name| list.push(waker(), name)).collect();
        (list, keys)
    }

    fn order(list: &mut WaitList<&'static str>) -> Vec<&'static str> {
        let mut order = Vec::new();
        while let Some(name) = list.front_mut() {
            order.push(*name);
            let _ = list.notify_front();
        }
        order
    }

    #[test]
    fn who_came_first_is_notified_first_whoever_leaves() {
        for leaves in 0..3 {
            let (mut list, mut keys) = list(&["a", "b", "c"]);
            let left = list.remove(keys.remove(leaves));
            assert!(matches!(left, Left::Waiting(..)));
            let d = list.push(waker(), "d");
            assert_eq!(list.waiting(), 3);
            let mut rest = vec!["a", "b", "c", "d"];
            rest.remove(leaves);
            assert_eq!(order(&mut list), rest);
            assert!(list.is_empty() && list.is_notified(&d));
        }
    }

    #[test]
    fn who_was_notified_is_told_apart_when_it_leaves() {
        let (mut list, mut keys) = list(&["a", "b"]);
        assert!(list.notify_front().is_some());
        let (b, a) = (keys.remove(1), keys.remove(0));
        assert!(list.is_notified(&a) && !list.is_notified(&b));
        assert!(matches!(list.remove(a), Left::Notified("a")));
        assert!(matches!(list.remove(b), Left::Waiting(_, "b")));
        assert!(list.notify_front().is_none());
    }

    #[test]
    fn those_who_are_meant_are_notified_and_the_others_keep_their_order() {
        for meant in ["", "a", "b", "d", "ad", "bc", "abcd"] {
            let (mut list, _keys) = list(&["a", "b", "c", "d"]);
            let mut wakers = Wakers::new();
            list.notify_those(|name| meant.contains(*name), &mut wakers);
            assert_eq!((wakers.0.len(), list.waiting()), (meant.len(), 4 - meant.len()));
            assert_eq!(order(&mut list).concat(), "abcd".replace(|c| meant.contains(c), ""));
        }
    }

    #[test]
    fn entries_are_used_again_and_a_crowds_memory_is_given_back() {
        let mut list = WaitList::new();
        for _ in 0..10 {
            let keys: Vec<_> = (0..KEPT).map(|number| list.push(waker(), number)).collect();
            keys.into_iter().for_each(|key| drop(list.remove(key)));
            let one = list.push(waker(), 0);
            assert!((1..=KEPT).contains(&list.entries.capacity()), "{}", list.entries.capacity());
            drop(list.remove(one));
        }
        let keys: Vec<_> = (0..10 * KEPT).map(|number| list.push(waker(), number)).collect();
        keys.into_iter().rev().for_each(|key| drop(list.remove(key)));
        assert_eq!(list.entries.capacity(), 0);
    }

    #[test]
    fn a_waker_that_panics_keeps_no_other_from_waking() {
        struct Counts(AtomicUsize, usize);
        impl Wake for Counts {
            fn wake(self: Arc<Self>) {
                if self.0.fetch_add(1, SeqCst) == self.1 {
                    resume_unwind(Box::new("a waker"));
                }
            }
        }
        for panics_at in [0, 5, 19, 100] {
            let counts = Arc::new(Counts(AtomicUsize::new(0), panics_at));
            let mut wakers = Wakers::new();
            (0..20).for_each(|_| wakers.push(Waker::from(Arc::clone(&counts))));
            assert_eq!(catch_unwind(AssertUnwindSafe(|| drop(wakers))).is_err(), panics_at < 20);
            assert_eq!(counts.0.load(SeqCst), 20);
        }
    }
}
