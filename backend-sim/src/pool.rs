//! The threads of blocking jobs.

use std::collections::BTreeMap;
use std::task::Waker;
use std::time::Duration;

/// The threads that blocking jobs run on, in virtual time: so many on each host.
///
/// A job that gets a thread holds it for its cost, then runs; a job that gets none waits for one.
#[derive(Debug)]
pub(crate) struct Pool {
    threads: usize,
    hosts: BTreeMap<u32, Threads>,
    /// What a job costs that is spawned from here on.
    pub(crate) cost: Duration,
}

/// The threads of a host.
#[derive(Debug, Default)]
struct Threads {
    busy: usize,
    // By the number of the task, so that who has waited longest is the first.
    waiting: BTreeMap<u64, Waker>,
}

impl Pool {
    pub(crate) const fn new(threads: usize, cost: Duration) -> Self {
        Self { threads, hosts: BTreeMap::new(), cost }
    }

    /// Takes a thread for a task, or lets it wait for one with its waker; tells whether it got one, and gives back
    /// what it waited with before.
    pub(crate) fn take(&mut self, host: u32, task: u64, waker: &mut Option<Waker>) -> (bool, Option<Waker>) {
        let threads = self.hosts.entry(host).or_default();
        if threads.busy < self.threads {
            threads.busy += 1;
            return (true, threads.waiting.remove(&task));
        }
        let before = waker.take().and_then(|waker| threads.waiting.insert(task, waker));
        (false, before)
    }

    /// A thread is free again; gives back who is to be woken for it.
    pub(crate) fn give_back(&mut self, host: u32) -> Option<Waker> {
        let threads = self.hosts.get_mut(&host)?;
        threads.busy -= 1;
        threads.waiting.pop_first().map(|(_, waker)| waker)
    }

    /// A task does not wait any more; gives back its waker, and who is to be woken instead: it may have been woken
    /// for a thread that it does not take.
    pub(crate) fn stop_waiting(&mut self, host: u32, task: u64) -> (Option<Waker>, Option<Waker>) {
        let Some(threads) = self.hosts.get_mut(&host) else { return (None, None) };
        let own = threads.waiting.remove(&task);
        let is_free = threads.busy < self.threads;
        let next = if is_free { threads.waiting.pop_first() } else { None };
        (own, next.map(|(_, waker)| waker))
    }
}
