//! The queue, as a pure machine: places, levels, what is next and what has to go.

use super::config::{PoolOverflow, Priority};
use crate::channel::places::{Places, Turn};
use crate::limit::Limit;
use crate::sync::own_waker::OwnWaker;
use crate::sync::wait_list::Wakers;
use std::collections::BTreeMap;
use std::task::{Poll, Waker};

/// How often the first of a level is passed over before it is its turn.
pub(super) const PATIENCE: u32 = 8;

/// One for each priority, the most urgent first.
const LEVELS: usize = 3;

/// Jobs that wait for a worker, and those who wait for a place.
///
/// | queue | a new job | what waits for a place | what waits for a worker | left by |
/// |---|---|---|---|---|
/// | open | admitted, then pushed | is given it | is taken | `close` |
/// | closed | refused | is refused; who was given a place keeps it | is taken | `take`, `remove`: the last |
/// | drained | refused | – | – | – |
///
/// Where it waits or rejects, a place is taken by each job in it and by each that is admitted and not pushed yet. Where
/// it drops, admitted jobs hold no place, and pushing one may push another out; they are counted nonetheless, so that
/// the queue is not drained before each has been pushed.
#[derive(Debug)]
pub(super) struct Queue<J> {
    levels: [Level<J>; LEVELS],
    places: Places,
    // Without a place, and not pushed yet.
    admitted: usize,
    overflow: PoolOverflow,
    next_number: u64,
    is_closed: bool,
}

#[derive(Debug)]
struct Level<J> {
    // By number: the first is the oldest.
    jobs: BTreeMap<u64, J>,
    // How often in a row something more urgent was taken instead.
    passed: u32,
}

/// Which job: its level, and its number among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JobKey {
    level: usize,
    pub(super) number: u64,
}

/// Why a job is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closed,
}

impl<J> Queue<J> {
    pub(super) const fn new(bound: Limit, overflow: PoolOverflow) -> Self {
        Self {
            levels: [const { Level { jobs: BTreeMap::new(), passed: 0 } }; LEVELS],
            places: Places::new(bound),
            admitted: 0,
            overflow,
            next_number: 0,
            is_closed: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.levels.iter().map(|level| level.jobs.len()).sum()
    }

    pub(super) const fn bound(&self) -> usize {
        self.places.capacity()
    }

    /// How many wait for a place.
    pub(super) const fn waiting(&self) -> usize {
        self.places.waiting()
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether no job is there and none will come.
    pub(super) fn is_drained(&self) -> bool {
        self.is_closed && self.places.taken() == 0 && self.admitted == 0 && self.len() == 0
    }

    /// Admits a job, which has to be pushed, if that needs no waiting.
    pub(super) const fn try_admit(&mut self) -> Result<(), Refused> {
        if self.is_closed {
            Err(Refused::Closed)
        } else if self.drops() {
            self.admitted += 1;
            Ok(())
        } else if self.places.try_take(1) {
            Ok(())
        } else {
            Err(Refused::Full)
        }
    }

    /// Admits a job, which has to be pushed, and waits in line where the policy says so.
    pub(super) fn poll_admit(
        &mut self,
        turn: &mut Turn,
        own: &mut OwnWaker<'_>,
    ) -> Poll<Result<(), Refused>> {
        if turn.is_new() && (self.is_closed || self.overflow != PoolOverflow::Wait) {
            return Poll::Ready(self.try_admit());
        }
        self.places.poll_take(turn, 1, own).map_err(|_| Refused::Closed)
    }

    /// Leaves the line for a place. The waker given must be dropped after the mutex is free.
    #[must_use = "to be dropped after the mutex is free"]
    pub(super) fn leave(&mut self, turn: &mut Turn, wakers: &mut Wakers) -> Option<Waker> {
        self.places.leave(turn, wakers)
    }

    /// Queues a job that was admitted; gives what had to go for it, which may be the job itself.
    pub(super) fn push(&mut self, priority: Priority, job: J) -> (JobKey, Option<J>) {
        let key = JobKey { level: level_of(priority), number: self.next_number };
        self.next_number += 1;
        self.levels[key.level].jobs.insert(key.number, job);
        if !self.drops() {
            return (key, None);
        }
        self.admitted -= 1;
        let lost = if self.len() > self.bound() { self.push_out() } else { None };
        (key, lost)
    }

    /// The job whose turn it is, if `is_wanted`. Whoever waits for its place has it then, and is to be woken.
    pub(super) fn take_if(
        &mut self,
        is_wanted: impl FnOnce(&J) -> bool,
        wakers: &mut Wakers,
    ) -> Option<(JobKey, J)> {
        let due = self.due()?;
        let entry = self.levels[due].jobs.first_entry()?;
        if !is_wanted(entry.get()) {
            return None;
        }
        let (number, job) = entry.remove_entry();
        self.levels[due].passed = 0;
        for less_urgent in &mut self.levels[due + 1..] {
            less_urgent.pass_over();
        }
        self.free_place(wakers);
        Some((JobKey { level: due, number }, job))
    }

    /// Takes a job out, wherever it stands.
    pub(super) fn remove(&mut self, key: JobKey, wakers: &mut Wakers) -> Option<J> {
        let job = self.levels[key.level].jobs.remove(&key.number)?;
        self.levels[key.level].forget_if_empty();
        self.free_place(wakers);
        Some(job)
    }

    /// No new jobs: who waits for a place is refused.
    pub(super) fn close(&mut self, wakers: &mut Wakers) {
        self.is_closed = true;
        self.places.refuse(wakers);
    }

    /// Takes all jobs out.
    pub(super) fn clear(&mut self, wakers: &mut Wakers) -> Vec<J> {
        let mut jobs = Vec::with_capacity(self.len());
        for level in &mut self.levels {
            jobs.extend(std::mem::take(&mut level.jobs).into_values());
            level.passed = 0;
        }
        for _ in &jobs {
            self.free_place(wakers);
        }
        jobs
    }

    const fn drops(&self) -> bool {
        matches!(self.overflow, PoolOverflow::DropOldest | PoolOverflow::DropNewest)
    }

    /// The level whose turn it is: one that has been passed over for too long, or the most urgent.
    fn due(&self) -> Option<usize> {
        let is_there = |level: &Level<J>| !level.jobs.is_empty();
        let impatient = |level: &Level<J>| is_there(level) && level.passed >= PATIENCE;
        self.levels.iter().position(impatient).or_else(|| self.levels.iter().position(is_there))
    }

    /// The one that has to go.
    fn push_out(&mut self) -> Option<J> {
        let least_urgent = self.levels.iter_mut().rev().find(|level| !level.jobs.is_empty())?;
        let lost = match self.overflow {
            PoolOverflow::DropOldest => least_urgent.jobs.pop_first(),
            _ => least_urgent.jobs.pop_last(),
        };
        least_urgent.forget_if_empty();
        lost.map(|(_, job)| job)
    }

    fn free_place(&mut self, wakers: &mut Wakers) {
        if !self.drops() {
            self.places.give_back(1);
            self.places.advance(wakers);
        }
    }
}

impl<J> Level<J> {
    fn pass_over(&mut self) {
        if !self.jobs.is_empty() {
            self.passed = self.passed.saturating_add(1);
        }
    }

    fn forget_if_empty(&mut self) {
        if self.jobs.is_empty() {
            self.passed = 0;
        }
    }
}

const fn level_of(priority: Priority) -> usize {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}
