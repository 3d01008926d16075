//! A task as its wakers and handles see it.

use crate::wakes::Wakes;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

/// The place of the future that is inside `block_on`.
pub(crate) const ROOT: u32 = 0;

/// A task as its wakers and handles see it; the future itself is the executor's alone.
#[derive(Debug)]
pub(crate) struct Task {
    /// Dense, in the order of spawning; the future inside `block_on` has a number too.
    pub(crate) id: u64,
    /// Its place in the executor, which may be another's once it has ended.
    pub(crate) slot: u32,
    /// Whose it is.
    pub(crate) host: u32,
    wakes: Arc<Wakes>,
    // Whether it is to be polled, so that many wakes are one. Stays set when it has ended: nobody wakes it again.
    scheduled: AtomicBool,
    aborted: AtomicBool,
    // A blocking job that has started runs to its end.
    unstoppable: AtomicBool,
    // Whether somebody has its join handle.
    has_handle: AtomicBool,
}

impl Task {
    /// A task that is about to be scheduled.
    pub(crate) fn new(wakes: &Arc<Wakes>, id: u64, slot: u32, host: u32) -> Arc<Self> {
        Arc::new(Self {
            id,
            slot,
            host,
            wakes: Arc::clone(wakes),
            scheduled: AtomicBool::new(true),
            aborted: AtomicBool::new(false),
            unstoppable: AtomicBool::new(false),
            has_handle: AtomicBool::new(id != 0),
        })
    }

    /// The poll begins: a wake from here on means another one.
    #[inline]
    pub(crate) fn begin_poll(&self) {
        self.scheduled.store(false, Ordering::Release);
    }

    /// Schedules it for a poll that nobody asked for; tells whether it was not scheduled before.
    pub(crate) fn schedule(&self) -> bool {
        !self.scheduled.swap(true, Ordering::AcqRel)
    }

    /// It has ended: nothing schedules it again.
    pub(crate) fn end(&self) {
        self.scheduled.store(true, Ordering::Release);
    }

    /// Has the executor drop it at its next turn.
    pub(crate) fn abort(self: &Arc<Self>) {
        if !self.unstoppable.load(Ordering::Acquire) {
            self.aborted.store(true, Ordering::Release);
            self.wake_by_ref();
        }
    }

    #[inline]
    pub(crate) fn is_aborted(&self) -> bool {
        self.aborted.load(Ordering::Acquire)
    }

    /// Whether it is to be polled.
    #[inline]
    pub(crate) fn is_scheduled(&self) -> bool {
        self.scheduled.load(Ordering::Acquire)
    }

    /// Whether somebody can abort it.
    pub(crate) fn has_handle(&self) -> bool {
        self.has_handle.load(Ordering::Acquire)
    }

    pub(crate) fn detach(&self) {
        self.has_handle.store(false, Ordering::Release);
    }

    /// From here on it can't be aborted.
    pub(crate) fn make_unstoppable(&self) {
        self.unstoppable.store(true, Ordering::Release);
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    #[inline]
    fn wake_by_ref(self: &Arc<Self>) {
        if self.schedule() {
            self.wakes.push(self.slot);
        }
    }
}

/// A task's waker for one poll only: when the next poll has come, it is dead. What a future must be able to live
/// with, and what finds those that keep the first waker they saw.
struct OnePoll {
    task: Arc<Task>,
    dead: AtomicBool,
}

impl Wake for OnePoll {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.dead.load(Ordering::Acquire) {
            self.task.wake_by_ref();
        }
    }
}

/// The wakers of a task that gets a fresh one for each poll.
#[derive(Default)]
pub(crate) struct FreshWakers(Option<Arc<OnePoll>>);

impl FreshWakers {
    /// The waker for the next poll; the one before is dead from here on.
    pub(crate) fn next(&mut self, task: &Arc<Task>) -> Waker {
        self.end();
        let fresh = Arc::new(OnePoll { task: Arc::clone(task), dead: AtomicBool::new(false) });
        self.0 = Some(Arc::clone(&fresh));
        Waker::from(fresh)
    }

    /// The next poll has the task's own waker: the one before is dead from here on.
    pub(crate) fn end(&mut self) {
        if let Some(before) = self.0.take() {
            before.dead.store(true, Ordering::Release);
        }
    }

    /// How many clones of the present waker others hold.
    pub(crate) fn clones(&self) -> Option<usize> {
        self.0.as_ref().map(|fresh| Arc::strong_count(fresh) - 1)
    }
}

/// What a task is called, and where it was spawned.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) name: Option<Box<str>>,
    pub(crate) location: &'static Location<'static>,
    pub(crate) kind: Kind,
}

/// What sort of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The future inside `block_on`.
    Root,
    /// Spawned.
    Task,
    /// A blocking job.
    Job,
}
