//! The pool's state under its lock: whoever is to be woken, and whatever is to be dropped, is so when it is free.

use super::accounts::Accounts;
use super::config::{PoolOverflow, Priority};
use super::queue::JobKey;
use super::queued::Queued;
use super::state::{Place, State};
use crate::channel::places::Turn;
use crate::limit::Limit;
use crate::primitives::{Mutex, MutexGuard, lock};
use crate::sync::wait_list::Wakers;
use std::sync::Arc;

/// What workers, handles and the pool share.
pub(super) struct Shared {
    state: Mutex<State<Queued>>,
    accounts: Arc<Accounts>,
}

// In each method what is declared first is dropped last: after the statement's guard.
impl Shared {
    pub(super) fn new(queue: Limit, overflow: PoolOverflow) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State::new(queue, overflow)), accounts: Accounts::new() })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<Queued>> {
        lock(&self.state)
    }

    pub(super) const fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// Queues a job that was admitted.
    pub(super) fn push(&self, priority: Priority, job: Queued) -> JobKey {
        self.accounts.submit();
        let mut wakers = Wakers::new();
        let mut state = self.lock();
        let is_abandoned = state.is_abandoned();
        let (key, lost) = state.push(priority, job, &mut wakers);
        drop(state);
        drop(wakers);
        match lost {
            Some(job) if is_abandoned => drop(job),
            Some(job) => job.push_out(),
            None => {}
        }
        key
    }

    /// Takes a job out of the queue and drops it, if it is there still.
    pub(super) fn remove(&self, key: JobKey) -> bool {
        let mut wakers = Wakers::new();
        let job = self.lock().remove(key, &mut wakers);
        job.is_some()
    }

    /// The next job of the same worker, if it is a blocking one.
    pub(super) fn next_blocking(&self) -> Option<(JobKey, Queued)> {
        let mut wakers = Wakers::new();
        self.lock().next_of_kind(Queued::is_blocking, &mut wakers)
    }

    /// Leaves the line for a place.
    pub(super) fn leave(&self, turn: &mut Turn) {
        if turn.is_new() {
            return;
        }
        let mut wakers = Wakers::new();
        let _old = self.lock().leave(turn, &mut wakers);
    }

    /// No new jobs.
    pub(super) fn close(&self) {
        let mut wakers = Wakers::new();
        let mut state = self.lock();
        if !state.queue().is_closed() {
            state.close(&mut wakers);
        }
    }

    /// No new jobs, none that is queued is run, and none begins; how many blocking ones run on.
    pub(super) fn abandon(&self) -> usize {
        let blocking = self.accounts.abandon();
        let mut wakers = Wakers::new();
        let _jobs = self.lock().abandon(&mut wakers);
        blocking
    }

    /// So many workers from now on; how many have to be started.
    pub(super) fn set_wanted(&self, workers: usize) -> usize {
        let mut wakers = Wakers::new();
        self.lock().set_wanted(workers, &mut wakers)
    }

    /// A worker was dropped.
    pub(super) fn lose(&self, place: &mut Place) {
        let mut wakers = Wakers::new();
        let _left = self.lock().lose(place, &mut wakers);
    }
}
