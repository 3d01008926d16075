//! How many permits are free, and who waits for them.

use super::error::AcquireError;
use crate::primitives::{AtomicUsize, Mutex, Ordering, lock};
use crate::sync::own_waker::{OwnWaker, poll_locked};
use crate::sync::wait_list::{Key, Left, WaitList, Wakers};
use std::task::{Context, Poll, Waker};

/// The free permits are an atomic number with two flags beside it.
///
/// | flags | permits are taken | permits come back |
/// |---|---|---|
/// | none | by whoever exchanges the number for a smaller one | added |
/// | guarded | under the mutex only, for the first in the queue | added; then whoever added them serves the queue |
/// | closed | by nobody; what was granted before stays granted | as above, guarded or not |
///
/// *Guarded* is set and cleared under the mutex, and is set exactly while somebody waits or permits are still to be
/// withdrawn: so nobody overtakes a waiter, and what is granted to one can't be taken by another between that and
/// the wake. No wake is lost, because who sets the flag learns in the same step how many permits are free: what
/// comes back before is seen by it, and who gives back after sees the flag.
///
/// Of the free permits and those that are out, there are as many as the capacity and those to be withdrawn say.
///
/// All changes of the number are read-modify-writes, and so belong to the release sequences of all that came back
/// before: whoever takes a permit (an acquire) sees what was done under any permit that has come back (a release).
/// Who is granted one under the mutex gets that through it, from the acquire load of [`State::serve`].
#[derive(Debug)]
pub(super) struct State {
    // The free permits, shifted, and the flags.
    word: AtomicUsize,
    // Written under the mutex.
    capacity: AtomicUsize,
    queue: Mutex<Queue>,
}

const GUARDED: usize = 1;
const CLOSED: usize = 2;
const FLAGS: usize = GUARDED | CLOSED;
const SHIFT: u32 = 2;

/// As many permits as fit beside the flags.
pub(super) const MAX_PERMITS: usize = usize::MAX >> SHIFT;

#[derive(Debug)]
struct Queue {
    waiters: WaitList<Waiter>,
    // Permits to be withdrawn as they come back, since the capacity has shrunk. They come before all waiters.
    debt: usize,
}

#[derive(Debug)]
struct Waiter {
    wanted: usize,
    // Of one that is notified; if there is none, the permits are its own.
    refusal: Option<AcquireError>,
}

/// Why somebody neither has permits nor a place in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// As many wait as may.
    QueueFull,
    Acquire(AcquireError),
}

impl Queue {
    /// Whether the word may go unguarded.
    const fn is_idle(&self) -> bool {
        self.waiters.is_empty() && self.debt == 0
    }
}

impl State {
    pub(super) fn new(permits: usize) -> Self {
        let permits = permits.min(MAX_PERMITS);
        Self {
            word: AtomicUsize::new(permits << SHIFT),
            capacity: AtomicUsize::new(permits),
            queue: Mutex::new(Queue { waiters: WaitList::new(), debt: 0 }),
        }
    }

    pub(super) fn free(&self) -> usize {
        self.word.load(Ordering::Relaxed) >> SHIFT
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity.load(Ordering::Relaxed)
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.queue).waiters.waiting()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.word.load(Ordering::Relaxed) & CLOSED != 0
    }

    /// Takes permits if so many are free and nobody waits.
    #[inline]
    pub(super) fn take(&self, wanted: usize) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & FLAGS == 0 && word >> SHIFT >= wanted {
            let less = word - (wanted << SHIFT);
            match self.word.compare_exchange_weak(word, less, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Why waiting for so many permits would be in vain.
    pub(super) fn refusal(&self, wanted: usize) -> Option<AcquireError> {
        if self.is_closed() {
            return Some(AcquireError::Closed);
        }
        too_large(wanted, self.capacity())
    }

    /// How many are out, those that were granted and not yet taken included. More than the capacity, after it has
    /// shrunk.
    pub(super) fn taken(&self) -> usize {
        let queue = lock(&self.queue);
        (self.capacity() + queue.debt).saturating_sub(self.free())
    }

    /// Takes permits, or waits for them at a place in the queue, if fewer than so many wait.
    #[inline]
    pub(super) fn poll_take(
        &self,
        wanted: usize,
        max_waiting: usize,
        place: &mut Option<Key>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Refusal>> {
        match place {
            Some(_) => poll_locked(cx, |own| self.poll_place(place, own)).map_err(Refusal::Acquire),
            None if self.take(wanted) => Poll::Ready(Ok(())),
            None => self.queue_up(wanted, max_waiting, place, cx.waker()),
        }
    }

    #[cold]
    fn queue_up(
        &self,
        wanted: usize,
        max_waiting: usize,
        place: &mut Option<Key>,
        waker: &Waker,
    ) -> Poll<Result<(), Refusal>> {
        if max_waiting == 0 {
            let refusal = self.refusal(wanted).map_or(Refusal::QueueFull, Refusal::Acquire);
            return Poll::Ready(Err(refusal));
        }
        // If it is not needed, it is dropped after the mutex is free.
        let waker = waker.clone();
        let mut queue = lock(&self.queue);
        if let Some(refusal) = self.refusal(wanted) {
            return Poll::Ready(Err(Refusal::Acquire(refusal)));
        }
        if queue.waiters.waiting() >= max_waiting {
            return Poll::Ready(Err(Refusal::QueueFull));
        }
        if queue.is_idle() && self.take_or_guard(wanted) {
            return Poll::Ready(Ok(()));
        }
        *place = Some(queue.waiters.push(waker, Waiter { wanted, refusal: None }));
        Poll::Pending
    }

    /// Takes permits, or keeps everybody else from doing so; in one step, under the mutex.
    fn take_or_guard(&self, wanted: usize) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let enough = word >> SHIFT >= wanted;
            let next = if enough { word - (wanted << SHIFT) } else { word | GUARDED };
            match self.word.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return enough,
                Err(now) => word = now,
            }
        }
    }

    fn poll_place(&self, place: &mut Option<Key>, own: &mut OwnWaker<'_>) -> Poll<Result<(), AcquireError>> {
        let Some(key) = place else { return Poll::Pending };
        let mut queue = lock(&self.queue);
        if !queue.waiters.is_notified(key) {
            queue.waiters.set_waker(key, own);
            return Poll::Pending;
        }
        match place.take().map(|key| queue.waiters.remove(key)) {
            Some(Left::Notified(Waiter { refusal: None, .. })) => Poll::Ready(Ok(())),
            Some(Left::Notified(Waiter { refusal: Some(refusal), .. })) => Poll::Ready(Err(refusal)),
            _ => unreachable!("it is notified"),
        }
    }

    /// A waiter leaves: what it was granted goes to the next, and so does its place.
    #[cold]
    pub(super) fn leave(&self, place: Key) {
        let mut wakers = Wakers::new();
        // Its waker is dropped after the mutex is free.
        let left;
        let mut queue = lock(&self.queue);
        left = queue.waiters.remove(place);
        if let Left::Notified(Waiter { wanted, refusal: None }) = left {
            self.word.fetch_add(wanted << SHIFT, Ordering::Relaxed);
        }
        self.serve(&mut queue, &mut wakers);
    }

    /// Gives permits back.
    #[inline]
    pub(super) fn give(&self, permits: usize) {
        let before = self.word.fetch_add(permits << SHIFT, Ordering::Release);
        if before & GUARDED != 0 {
            self.serve_queue();
        }
    }

    #[cold]
    fn serve_queue(&self) {
        let mut wakers = Wakers::new();
        let mut queue = lock(&self.queue);
        self.serve(&mut queue, &mut wakers);
    }

    /// Withdraws what is to be withdrawn, grants what is free to those who are first, and lets the word go unguarded
    /// when nobody is left. Whoever gives back meanwhile sees the flag and comes here next.
    fn serve(&self, queue: &mut Queue, wakers: &mut Wakers) {
        let word = self.word.load(Ordering::Acquire);
        if word & GUARDED == 0 {
            return;
        }
        let mut free = word >> SHIFT;
        let withdrawn = queue.debt.min(free);
        queue.debt -= withdrawn;
        free -= withdrawn;
        while let Some(first) = queue.waiters.front_mut()
            && let Some(rest) = free.checked_sub(first.wanted)
        {
            free = rest;
            if let Some(waker) = queue.waiters.notify_front() {
                wakers.push(waker);
            }
        }
        let taken = (word >> SHIFT) - free;
        let guard = if queue.is_idle() { GUARDED } else { 0 };
        self.word.fetch_sub((taken << SHIFT) | guard, Ordering::Relaxed);
    }

    /// Changes how many permits there are; what is missing is withdrawn as it comes back.
    pub(super) fn set_capacity(&self, capacity: usize) {
        let capacity = capacity.min(MAX_PERMITS);
        let mut wakers = Wakers::new();
        let mut queue = lock(&self.queue);
        let before = self.capacity();
        self.capacity.store(capacity, Ordering::Relaxed);
        if let Some(grown) = capacity.checked_sub(before) {
            // What was to be withdrawn comes first, also because the number could overflow otherwise.
            let kept = queue.debt.min(grown);
            queue.debt -= kept;
            self.word.fetch_add((grown - kept) << SHIFT, Ordering::Relaxed);
        } else {
            let shrunk = before - capacity;
            queue.debt += shrunk - self.withdraw_or_guard(shrunk);
            Self::refuse_too_large(&mut queue, capacity, &mut wakers);
        }
        self.serve(&mut queue, &mut wakers);
    }

    /// Withdraws so many free permits, or as many as there are and guards what comes back; in one step.
    fn withdraw_or_guard(&self, permits: usize) -> usize {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let withdrawn = permits.min(word >> SHIFT);
            let guard = if withdrawn < permits { GUARDED } else { 0 };
            let next = (word - (withdrawn << SHIFT)) | guard;
            match self.word.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return withdrawn,
                Err(now) => word = now,
            }
        }
    }

    /// Permits that are out will not come back: there are so many fewer.
    pub(super) fn forget(&self, permits: usize) {
        let mut wakers = Wakers::new();
        let mut queue = lock(&self.queue);
        let withdrawn = queue.debt.min(permits);
        queue.debt -= withdrawn;
        let capacity = self.capacity() - (permits - withdrawn);
        self.capacity.store(capacity, Ordering::Relaxed);
        Self::refuse_too_large(&mut queue, capacity, &mut wakers);
        self.serve(&mut queue, &mut wakers);
    }

    fn refuse_too_large(queue: &mut Queue, capacity: usize, wakers: &mut Wakers) {
        let is_refused = |waiter: &mut Waiter| {
            waiter.refusal = too_large(waiter.wanted, capacity);
            waiter.refusal.is_some()
        };
        queue.waiters.notify_those(is_refused, wakers);
    }

    /// Refuses everybody who waits, and whoever comes.
    pub(super) fn close(&self) {
        let mut wakers = Wakers::new();
        let mut queue = lock(&self.queue);
        self.word.fetch_or(CLOSED, Ordering::Relaxed);
        let refuse = |waiter: &mut Waiter| {
            waiter.refusal = Some(AcquireError::Closed);
            true
        };
        queue.waiters.notify_those(refuse, &mut wakers);
        self.serve(&mut queue, &mut wakers);
    }
}

fn too_large(wanted: usize, capacity: usize) -> Option<AcquireError> {
    (wanted > capacity).then_some(AcquireError::TooLarge { requested: wanted, capacity })
}
