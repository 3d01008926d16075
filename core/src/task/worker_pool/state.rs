//! The queue and the workers that take from it, as a pure machine: no polling, and no waker is woken here.

use super::config::{PoolOverflow, Priority};
use super::queue::{JobKey, Queue, Refused};
use crate::channel::places::Turn;
use crate::limit::Limit;
use crate::sync::own_waker::OwnWaker;
use crate::sync::wait_list::{Key, Left, WaitList, Wakers};
use std::task::{Poll, Waker};

/// | pool | a new job | queued jobs | workers | left by |
/// |---|---|---|---|---|
/// | open | admitted | are taken | wait for jobs | `close`, `abandon`, the loss of the last worker |
/// | closed | refused | are taken | end when the queue is drained | `abandon`, the loss of the last worker |
/// | abandoned | refused, pushed out | none | end | – |
///
/// A worker ends by itself, too, while there are more than are wanted. One that is lost was dropped by somebody else:
/// by its owner, or with its runtime.
pub(super) struct State<J> {
    queue: Queue<J>,
    // How many workers there should be, and are.
    wanted: usize,
    alive: usize,
    idle: WaitList<()>,
    abandoned: bool,
}

/// What a worker does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<J> {
    Run(JobKey, J),
    /// It ends; it is counted out already.
    End,
    Wait,
}

/// Where a worker stands among those that wait for a job, if it does.
#[derive(Debug, Default)]
pub(super) struct Place(Option<Key>);

impl<J> State<J> {
    pub(super) const fn new(bound: Limit, overflow: PoolOverflow) -> Self {
        let queue = Queue::new(bound, overflow);
        Self { queue, wanted: 0, alive: 0, idle: WaitList::new(), abandoned: false }
    }

    pub(super) const fn queue(&self) -> &Queue<J> {
        &self.queue
    }

    pub(super) const fn alive(&self) -> usize {
        self.alive
    }

    pub(super) const fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    /// See [`Queue::try_admit`].
    pub(super) const fn try_admit(&mut self) -> Result<(), Refused> {
        self.queue.try_admit()
    }

    /// See [`Queue::poll_admit`].
    pub(super) fn poll_admit(
        &mut self,
        turn: &mut Turn,
        own: &mut OwnWaker<'_>,
    ) -> Poll<Result<(), Refused>> {
        self.queue.poll_admit(turn, own)
    }

    /// Leaves the line for a place.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn leave(&mut self, turn: &mut Turn, wakers: &mut Wakers) -> Option<Waker> {
        let old = self.queue.leave(turn, wakers);
        self.end_if_drained(wakers);
        old
    }

    /// Queues a job that was admitted, for a worker that is woken; gives what had to go for it, which may be the job
    /// itself.
    pub(super) fn push(&mut self, priority: Priority, job: J, wakers: &mut Wakers) -> (JobKey, Option<J>) {
        let (key, lost) = self.queue.push(priority, job);
        if self.abandoned {
            // It was admitted before.
            return (key, self.queue.remove(key, wakers));
        }
        self.wake_one(wakers);
        (key, lost)
    }

    /// Takes a job out of the queue, if it is there still.
    pub(super) fn remove(&mut self, key: JobKey, wakers: &mut Wakers) -> Option<J> {
        let job = self.queue.remove(key, wakers);
        self.end_if_drained(wakers);
        job
    }

    /// So many workers from now on; gives how many have to be started, which are counted in already.
    pub(super) fn set_wanted(&mut self, workers: usize, wakers: &mut Wakers) -> usize {
        self.wanted = workers;
        // Also in a pool that is closed, as long as there is something left to do.
        let has_ended = self.abandoned || self.queue.is_drained();
        let missing = if has_ended { 0 } else { workers.saturating_sub(self.alive) };
        self.alive += missing;
        // Those that are too many and idle see it.
        for _ in 0..self.alive.saturating_sub(workers) {
            self.wake_one(wakers);
        }
        missing
    }

    /// What a worker does next; its waker is taken out of `own` where it has to wait. What is left there, or put into
    /// `old`, must be dropped after the mutex is free.
    pub(super) fn next(
        &mut self,
        place: &mut Place,
        own: &mut Option<Waker>,
        old: &mut Option<Waker>,
        wakers: &mut Wakers,
    ) -> Next<J> {
        if self.abandoned || self.alive > self.wanted || self.queue.is_drained() {
            *old = self.leave_idle(place);
            self.alive -= 1;
            return Next::End;
        }
        if let Some((key, job)) = self.queue.take_if(|_| true, wakers) {
            *old = self.leave_idle(place);
            self.end_if_drained(wakers);
            return Next::Run(key, job);
        }
        // The last of the line, if it was woken for a job that another has taken; where it was else.
        match (&place.0, own.take()) {
            (Some(key), Some(own)) if !self.idle.is_notified(key) => *old = self.idle.replace_waker(key, own),
            (_, Some(own)) => {
                let _none = self.leave_idle(place);
                place.0 = Some(self.idle.push(own, ()));
            }
            (_, None) => unreachable!("whoever asks has a waker"),
        }
        Next::Wait
    }

    /// The job whose turn it is, for a worker that has just run one, if `is_wanted`, and the worker need not end.
    pub(super) fn next_of_kind(
        &mut self,
        is_wanted: impl FnOnce(&J) -> bool,
        wakers: &mut Wakers,
    ) -> Option<(JobKey, J)> {
        if self.abandoned || self.alive > self.wanted {
            return None;
        }
        let next = self.queue.take_if(is_wanted, wakers);
        self.end_if_drained(wakers);
        next
    }

    /// A worker was dropped by somebody else. Without any, nothing runs any more: gives the jobs that never will.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn lose(&mut self, place: &mut Place, wakers: &mut Wakers) -> (Option<Waker>, Vec<J>) {
        let old = self.leave_idle(place);
        self.alive -= 1;
        let jobs = if self.alive == 0 { self.abandon(wakers) } else { Vec::new() };
        // It may have been woken for a job.
        if self.queue.len() > 0 {
            self.wake_one(wakers);
        }
        (old, jobs)
    }

    /// No new jobs; those that are queued are still run.
    pub(super) fn close(&mut self, wakers: &mut Wakers) {
        self.queue.close(wakers);
        self.end_if_drained(wakers);
    }

    /// No new jobs, and those that are queued are given out.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn abandon(&mut self, wakers: &mut Wakers) -> Vec<J> {
        self.abandoned = true;
        self.queue.close(wakers);
        let jobs = self.queue.clear(wakers);
        self.idle.notify_all(wakers);
        jobs
    }

    fn wake_one(&mut self, wakers: &mut Wakers) {
        if let Some(waker) = self.idle.notify_front() {
            wakers.push(waker);
        }
    }

    fn end_if_drained(&mut self, wakers: &mut Wakers) {
        if self.queue.is_drained() {
            self.idle.notify_all(wakers);
        }
    }

    fn leave_idle(&mut self, place: &mut Place) -> Option<Waker> {
        match self.idle.remove(place.0.take()?) {
            Left::Waiting(waker, ()) => Some(waker),
            Left::Notified(()) => None,
        }
    }
}

#[cfg(test)]
mod tests;
