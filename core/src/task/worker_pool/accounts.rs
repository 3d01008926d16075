//! What has become of each job: the counts of a pool, and the jobs that run.

use super::report::{PoolReport, PoolStats};
use crate::channel::crowd::{Crowd, Member};
use crate::primitives::{Mutex, MutexGuard, lock};
use crate::probe;
use crate::sync::own_waker::poll_locked;
use crate::sync::wait_list::Wakers;
use crate::task::roster::TaskLabel;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Under a lock of their own: jobs end wherever they are dropped, also under nobody's lock but never under the pool's.
#[derive(Debug)]
pub(super) struct Accounts(Mutex<Books>);

#[derive(Debug)]
struct Books {
    submitted: u64,
    rejected: u64,
    finished: u64,
    panicked: u64,
    cancelled: u64,
    dropped: u64,
    running: BTreeMap<u64, Running>,
    blocking: usize,
    // No job begins any more.
    abandoned: bool,
    // Who waits for the blocking jobs.
    quiet: Crowd,
}

#[derive(Debug)]
struct Running {
    label: TaskLabel,
    blocking: bool,
}

/// How a job has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Finished,
    Panicked,
    Cancelled,
    Dropped,
}

impl Accounts {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Books {
            submitted: 0,
            rejected: 0,
            finished: 0,
            panicked: 0,
            cancelled: 0,
            dropped: 0,
            running: BTreeMap::new(),
            blocking: 0,
            abandoned: false,
            quiet: Crowd::new(),
        })))
    }

    /// A job that was accepted, to be queued.
    pub(super) fn submit(&self) {
        self.lock().submitted += 1;
    }

    /// A job that was given back.
    pub(super) fn reject(&self) {
        self.lock().rejected += 1;
    }

    /// A job is to run; whether it may.
    pub(super) fn begin(&self, number: u64, label: &TaskLabel, blocking: bool) -> bool {
        let label = label.clone();
        let mut books = self.lock();
        if books.abandoned {
            return false;
        }
        books.running.insert(number, Running { label, blocking });
        books.blocking += usize::from(blocking);
        true
    }

    /// A job has ended, or will never run; `number` if it had begun.
    pub(super) fn end(&self, number: Option<u64>, ended: Ended) {
        // Before the guard, and so woken after it is gone.
        let mut wakers = Wakers::new();
        let mut books = self.lock();
        match ended {
            Ended::Finished => books.finished += 1,
            Ended::Panicked => books.panicked += 1,
            Ended::Cancelled => books.cancelled += 1,
            Ended::Dropped => books.dropped += 1,
        }
        let running = number.and_then(|number| books.running.remove(&number));
        if let Some(running) = &running
            && running.blocking
        {
            books.blocking -= 1;
            if books.blocking == 0 {
                books.quiet.wake(&mut wakers);
            }
        }
    }

    /// No job begins any more; how many blocking ones run on.
    pub(super) fn abandon(&self) -> usize {
        let mut books = self.lock();
        books.abandoned = true;
        books.blocking
    }

    pub(super) fn stats(&self, workers: usize) -> PoolStats {
        let books = self.lock();
        let ended = books.finished + books.panicked + books.cancelled + books.dropped;
        let running = books.running.len();
        PoolStats {
            workers,
            queued: usize::try_from(books.submitted - ended).unwrap_or(usize::MAX).saturating_sub(running),
            running,
            blocking: books.blocking,
            submitted: books.submitted,
            finished: books.finished,
            panicked: books.panicked,
            cancelled: books.cancelled,
            dropped: books.dropped,
            rejected: books.rejected,
        }
    }

    /// At the end, when no job begins any more: those that neither have ended nor block are as good as cancelled.
    pub(super) fn report(&self) -> PoolReport {
        let books = self.lock();
        let blocking = books.running.values().filter(|running| running.blocking);
        let still_blocking: Vec<_> = blocking.map(|running| running.label.clone()).collect();
        let ended = books.finished + books.panicked + books.dropped;
        PoolReport {
            finished: books.finished,
            panicked: books.panicked,
            cancelled: books.submitted - ended - still_blocking.len() as u64,
            dropped: books.dropped,
            rejected: books.rejected,
            still_blocking,
        }
    }

    /// Waits until no blocking job runs.
    pub(super) fn quiet(self: Arc<Self>) -> Quiet {
        Quiet { accounts: self, member: Member::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        lock(&self.0)
    }
}

/// The future of [`Accounts::quiet`].
pub(super) struct Quiet {
    accounts: Arc<Accounts>,
    member: Member,
}

impl Future for Quiet {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let poll = poll_locked(cx, |own| {
            let mut books = this.accounts.lock();
            if books.blocking == 0 {
                own.discard(books.quiet.leave(&mut this.member));
                return Poll::Ready(());
            }
            books.quiet.wait(&mut this.member, own);
            Poll::Pending
        });
        if poll.is_pending() {
            probe::waiting(|| format!("{} blocking jobs of a worker pool", this.accounts.lock().blocking));
        }
        poll
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.member.is_in() {
            // A name, so that it is dropped after the statement's guard.
            let _old = self.accounts.lock().quiet.leave(&mut self.member);
        }
    }
}
