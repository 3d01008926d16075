//! Which futures have been woken: the one place where other threads meet a set.

use super::page_queue::PageQueue;
use crate::primitives::{AtomicU8, AtomicU64, Mutex, Ordering, lock};
// Wakers of the standard library are made of its own `Arc`.
use std::sync::Arc;
use std::task::{Wake, Waker};

/// The wakes of a set.
///
/// A future that is woken sets its bit in its page. Whoever sets the first bit of a page queues the page; whoever
/// queues the first page of a task that rests takes its waker and wakes it. While the task is busy nobody wakes it:
/// before it rests, it looks.
///
/// | page's bits | page | who changes that |
/// |---|---|---|
/// | none | not queued | a wake sets a bit and queues it |
/// | some | queued, or about to be | the task takes the queue, then the bits |
///
/// | queue | task | who changes that |
/// |---|---|---|
/// | empty | busy | a wake queues a page; or the task leaves its waker, and rests |
/// | some | busy | the task takes the queue; or is about to rest, and wakes itself instead |
/// | empty | rests | a wake queues a page, **and wakes the task**; or the task, when it is polled for another reason |
/// | some | rests | the task has been woken: it takes the queue, and is busy |
#[derive(Debug)]
pub(super) struct Wakes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    // A bit for each of the first pages that are queued, one for all others, and whether the task rests: what is
    // decided by all of them must be one word.
    queue: AtomicU64,
    far: Mutex<Vec<usize>>,
    task: Mutex<Option<Waker>>,
}

const RESTS: u64 = 1 << 63;
const FAR: u64 = 1 << FAR_PAGE;
// From this one on, pages have no bit of their own. A model can't have as many futures as that takes.
const FAR_PAGE: u32 = if cfg!(backstay_loom) { 1 } else { 62 };

impl Wakes {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            queue: AtomicU64::new(0),
            far: Mutex::new(Vec::new()),
            task: Mutex::new(None),
        }))
    }

    /// The wakes of a new page.
    pub(super) fn page(&self, number: usize) -> Arc<Woken> {
        Arc::new(Woken { bits: AtomicU64::new(0), number, shared: Arc::clone(&self.0) })
    }

    /// Whether it seems that a future has been woken. It is no promise, and needs none: before the task rests, it
    /// looks again.
    #[inline]
    pub(super) fn is_woken(&self) -> bool {
        self.0.queue.load(Ordering::Relaxed) & !RESTS != 0
    }

    /// Takes the queued pages; the task is busy.
    #[inline]
    pub(super) fn take(&self, pages: &mut PageQueue) {
        // Acquires what was done before they were queued.
        let queue = self.0.queue.swap(0, Ordering::AcqRel);
        pages.insert_few(queue & (FAR - 1));
        if queue & FAR != 0 {
            self.take_far(pages);
        }
    }

    // Apart, as in `PageQueue`.
    #[inline(never)]
    fn take_far(&self, pages: &mut PageQueue) {
        lock(&self.0.far).drain(..).for_each(|page| pages.insert(page));
    }

    /// The task rests, and is woken as soon as a future is; or it is told that one has been woken already, and has to
    /// be polled again.
    #[inline]
    pub(super) fn rest(&self, task: &Waker) -> Result<(), IsWoken> {
        if self.is_woken() { Err(IsWoken) } else { self.leave(task) }
    }

    fn leave(&self, task: &Waker) -> Result<(), IsWoken> {
        // Before the lock: it is foreign code, and so is dropping it.
        let task = task.clone();
        let mut left = lock(&self.0.task);
        let unneeded = match &*left {
            Some(before) if before.will_wake(&task) => Some(task),
            _ => left.replace(task),
        };
        drop(left);
        drop(unneeded);
        // Releases the waker to who finds the task resting.
        match self.0.queue.fetch_or(RESTS, Ordering::AcqRel) & !RESTS {
            0 => Ok(()),
            _ => Err(IsWoken),
        }
    }
}

/// A future has been woken, and there is no rest.
#[derive(Debug)]
pub(super) struct IsWoken;

impl Drop for Wakes {
    fn drop(&mut self) {
        // Wakers that somebody has kept keep this alive, and must not keep the task alive through it.
        let task = lock(&self.0.task).take();
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
    #[inline]
    pub(super) fn take(&self) -> u64 {
        // Acquires what they did before they woke.
        self.bits.swap(0, Ordering::AcqRel)
    }

    #[inline]
    fn wake(&self, place: u8) {
        // Releases what the caller did; and where it is not the first, that was released by who queues the page.
        if self.bits.fetch_or(1 << place, Ordering::AcqRel) == 0 {
            self.queue();
        }
    }

    fn queue(&self) {
        let Shared { queue, far, task } = &*self.shared;
        let bit = if self.number < FAR_PAGE as usize {
            1 << self.number
        } else {
            lock(far).push(self.number);
            FAR
        };
        if queue.fetch_or(bit, Ordering::AcqRel) == RESTS {
            let task = lock(task).take();
            if let Some(task) = task {
                task.wake();
            }
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
    #[inline]
    pub(super) fn aim_at(&self, place: usize) {
        self.inner.place.store(place as u8, Ordering::Relaxed);
    }

    #[inline]
    pub(super) const fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Whether somebody has kept the waker: it can't be aimed at another place then.
    #[inline]
    pub(super) fn is_kept(&self) -> bool {
        // Ours, and our waker's.
        Arc::strong_count(&self.inner) > 2
    }

    pub(super) fn into_waker(self) -> Waker {
        self.waker
    }
}
