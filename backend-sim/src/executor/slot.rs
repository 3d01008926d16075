//! A task in its place, and what it says when it can't go on.

use crate::frames;
use crate::kernel::{Kernel, Work};
use crate::task::{FreshWakers, Kind, Site, Task};
use backstay_core::time::Instant;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The root future, if there is one.
pub(crate) type Root<'a, 'b> = Option<Pin<&'a mut (dyn Future<Output = ()> + 'b)>>;

/// A task in its place.
pub(crate) struct Slot {
    pub(crate) task: Arc<Task>,
    pub(crate) site: Site,
    pub(crate) polls: u64,
    /// When it was last polled.
    pub(crate) since: Instant,
    waker: Waker,
    fresh: FreshWakers,
    // `None` for the root future, which `block_on` has.
    work: Option<Work>,
}

impl Slot {
    pub(super) fn new(task: Arc<Task>, site: Site, work: Option<Work>, now: Instant) -> Self {
        let waker = Waker::from(Arc::clone(&task));
        Self { task, site, polls: 0, since: now, waker, fresh: FreshWakers::default(), work }
    }

    /// Polls the task, which is the root's if it has no work of its own.
    #[inline]
    pub(super) fn poll(&mut self, root: &mut Root<'_, '_>, freshly: bool, now: Instant) -> Poll<()> {
        self.polls += 1;
        self.since = now;
        self.task.begin_poll();
        let fresh = if freshly {
            Some(self.fresh.next(&self.task))
        } else {
            self.fresh.end();
            None
        };
        let mut cx = Context::from_waker(fresh.as_ref().unwrap_or(&self.waker));
        match (&mut self.work, root) {
            (Some(work), _) => work.as_mut().poll(&mut cx),
            (None, Some(root)) if self.site.kind == Kind::Root => root.as_mut().poll(&mut cx),
            (None, _) => Poll::Pending,
        }
    }

    /// Whether nobody has a waker of it.
    fn has_no_waker(&self) -> bool {
        match self.fresh.clones() {
            Some(clones) => clones == 0,
            None => {
                // The slot's own two, that of what it shares with its handle, and a job's.
                let own = match self.site.kind {
                    Kind::Root => 2,
                    Kind::Task => 3,
                    Kind::Job => 4,
                };
                Arc::strong_count(&self.task) <= own
            }
        }
    }

    /// Whether it is pending for good: nobody can wake it, and nobody can abort it.
    pub(super) fn is_forgotten(&self) -> bool {
        self.has_no_waker() && !self.task.has_handle()
    }

    /// Polls the task to hear what it waits for, if it waits: one that could run is left as it is.
    pub(super) fn waiting(&mut self, kernel: &Kernel, root: &mut Root<'_, '_>, where_too: bool) -> Waiting {
        let Self { polls, since, .. } = *self;
        let ((why, labels), backtraces) = if self.task.is_scheduled() || polls == 0 {
            ((Why::CanRun, Vec::new()), Vec::new())
        } else if where_too {
            kernel.recorder.backtraces(|| self.ask(kernel, root))
        } else {
            (self.ask(kernel, root), Vec::new())
        };
        let frames = backtraces.iter().map(frames::of).collect();
        Waiting { task: self.task.id, site: self.site.clone(), polls, since, why, labels, frames }
    }

    fn ask(&mut self, kernel: &Kernel, root: &mut Root<'_, '_>) -> (Why, Vec<String>) {
        let had_no_waker = self.has_no_waker();
        // The root's panics are nobody else's to catch.
        let poll = || catch_unwind(AssertUnwindSafe(|| self.poll(root, false, kernel.now())));
        let (poll, labels) = kernel.recorder.waits(poll);
        let why = match poll {
            Ok(Poll::Ready(())) => {
                self.work = None;
                Why::WakeLost
            }
            _ if had_no_waker => Why::NoWaker,
            _ => Why::Waits,
        };
        (why, labels)
    }
}

/// What a task waits for, when a run can't go on.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) task: u64,
    pub(crate) site: Site,
    pub(crate) polls: u64,
    pub(crate) since: Instant,
    pub(crate) why: Why,
    pub(crate) labels: Vec<String>,
    /// Of each wait, where it is in the code under test; empty unless that was asked for.
    pub(crate) frames: Vec<Vec<String>>,
}

/// Why a task does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// For what it tells.
    Waits,
    /// It could; the run has ended otherwise.
    CanRun,
    /// It ended when it was polled once more: a wake was lost.
    WakeLost,
    /// It is pending, and nobody has a waker of it.
    NoWaker,
}
