//! Which futures have been woken: the one place where other threads meet a set.

use super::page_queue::PageQueue;
use crate::primitives::{AtomicBool, AtomicU8, AtomicU64, Mutex, Ordering, lock};
use std::mem;
// Wakers of the standard library are made of its own `Arc`.
use std::sync::Arc;
use std::task::{Wake, Waker};

/// The wakes of a set.
///
/// A future that is woken sets its bit in its page. Whoever sets the first bit of a page queues the page; whoever
/// queues the first page takes the task's waker and wakes it. The task takes the queue and leaves its waker under
/// the same mutex: a wake is in the queue that it takes, or finds the waker.
///
/// | page's bits | page | who changes that |
/// |---|---|---|
/// | none | not queued | a wake sets a bit and queues it |
/// | some | queued, or about to be | the task takes the queue, then the bits |
#[derive(Debug)]
pub(super) struct Wakes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    // Whether a page is queued: what the task may know without the mutex. It is no promise, and needs none:
    // before the task rests, it looks under the mutex.
    is_woken: AtomicBool,
}

#[derive(Debug)]
struct Queue {
    pages: PageQueue,
    task: Option<Waker>,
}

impl Wakes {
    pub(super) fn new() -> Self {
        let queue = Queue { pages: PageQueue::new(), task: None };
        Self(Arc::new(Shared { queue: Mutex::new(queue), is_woken: AtomicBool::new(false) }))
    }

    /// The wakes of a new page.
    pub(super) fn page(&self, number: usize) -> Arc<Woken> {
        Arc::new(Woken { bits: AtomicU64::new(0), number, shared: Arc::clone(&self.0) })
    }

    /// Whether it seems that a future has been woken.
    pub(super) fn is_woken(&self) -> bool {
        self.0.is_woken.load(Ordering::Relaxed)
    }

    /// Takes the queued pages, for `pages` that is empty, and leaves the task's waker.
    pub(super) fn take(&self, task: &Waker, pages: &mut PageQueue) {
        let task = task.clone();
        let mut queue = lock(&self.0.queue);
        mem::swap(&mut queue.pages, pages);
        self.0.is_woken.store(false, Ordering::Relaxed);
        let unneeded = queue.leave(task);
        drop(queue);
        drop(unneeded);
    }

    /// Leaves the task's waker, and tells whether a future has been woken already.
    pub(super) fn register(&self, task: &Waker) -> bool {
        let task = task.clone();
        let mut queue = lock(&self.0.queue);
        let is_woken = !queue.pages.is_empty();
        let unneeded = queue.leave(task);
        drop(queue);
        drop(unneeded);
        is_woken
    }
}

impl Queue {
    /// The waker that is not needed is handed out, to be dropped after the mutex is free.
    fn leave(&mut self, task: Waker) -> Option<Waker> {
        match &self.task {
            Some(before) if before.will_wake(&task) => Some(task),
            _ => self.task.replace(task),
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        // Wakers that somebody has kept keep this alive, and must not keep the task alive through it.
        let task = lock(&self.0.queue).task.take();
        drop(task);
    }
}

/// The wakes of a page's futures, a bit each.
#[derive(Debug)]
pub(super) struct Woken {
    bits: AtomicU64,
    number: usize,
    shared: Arc<Shared>,
}

impl Woken {
    pub(super) const fn number(&self) -> usize {
        self.number
    }

    /// Takes the bits of all that were woken.
    pub(super) fn take(&self) -> u64 {
        // Acquires what they did before they woke.
        self.bits.swap(0, Ordering::AcqRel)
    }

    fn wake(&self, place: u8) {
        // Releases what the caller did; and where it is not the first, that was released by who queues the page.
        if self.bits.fetch_or(1 << place, Ordering::AcqRel) == 0 {
            self.queue();
        }
    }

    fn queue(&self) {
        let mut queue = lock(&self.shared.queue);
        queue.pages.insert(self.number);
        self.shared.is_woken.store(true, Ordering::Relaxed);
        let task = queue.task.take();
        drop(queue);
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// What the waker of one place is made of.
#[derive(Debug)]
struct PlaceWaker {
    page: Arc<Woken>,
    place: AtomicU8,
}

impl Wake for PlaceWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.page.wake(self.place.load(Ordering::Relaxed));
    }
}

/// A waker that belongs to no place yet.
#[derive(Debug)]
pub(super) struct Spare {
    inner: Arc<PlaceWaker>,
    waker: Waker,
}

impl Spare {
    pub(super) fn new(page: &Arc<Woken>) -> Self {
        let inner = Arc::new(PlaceWaker { page: Arc::clone(page), place: AtomicU8::new(0) });
        Self { waker: Waker::from(Arc::clone(&inner)), inner }
    }

    /// Makes it the waker of `place`.
    pub(super) fn aim_at(&self, place: usize) {
        self.inner.place.store(place as u8, Ordering::Relaxed);
    }

    pub(super) const fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether somebody has kept the waker: it can't be aimed at another place then.
    pub(super) fn is_kept(&self) -> bool {
        // Ours, and our waker's.
        Arc::strong_count(&self.inner) > 2
    }

    pub(super) fn into_waker(self) -> Waker {
        self.waker
    }
}
