//! Never more than so many in any window: the times of the last permits.

use std::collections::VecDeque;

/// For each of the last `n` permits, when its window has passed: ordered, the oldest first, zero for one never taken.
///
/// A permit that is taken replaces the oldest, which must have passed. So of any `n + 1` in a row the last comes a
/// window after the first, or later.
#[derive(Clone, Debug)]
pub(super) struct Window {
    passes_at: VecDeque<u64>,
    length: u64,
    // Of those it had no room for when it shrank, the last.
    forgotten: u64,
}

impl Window {
    pub(super) fn new(permits: usize, length: u64) -> Self {
        Self { passes_at: VecDeque::from(vec![0; permits]), length, forgotten: 0 }
    }

    pub(super) fn len(&self) -> u64 {
        self.passes_at.len() as u64
    }

    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// The last time that was promised and is to come, and for how many it is to come.
    pub(super) fn later_than(&self, now: u64) -> (u64, u64) {
        let come = self.passes_at.partition_point(|at| at.saturating_sub(self.length) <= now);
        (self.latest(), (self.passes_at.len() - come) as u64)
    }

    pub(super) fn available(&self, now: u64) -> u64 {
        self.passes_at.partition_point(|at| *at <= now) as u64
    }

    /// When `n` could be taken after `ahead` others, if those are taken one at a time and as early as can be: not
    /// before, at least.
    pub(super) fn when(&self, ahead: u64, n: u64) -> u64 {
        let last = ahead.saturating_add(n).saturating_sub(1);
        let (turns, at) = (last / self.len(), (last % self.len()) as usize);
        self.passes_at[at].saturating_add(turns.saturating_mul(self.length))
    }

    /// As [`when`](Self::when), if those take several at a time: then the last of a turn may be as late as the last of
    /// the one before, and a window after it. So late at most.
    pub(super) fn when_at_most(&self, ahead: u64, n: u64, now: u64) -> u64 {
        let turns = ahead.saturating_add(n).saturating_sub(1) / self.len();
        if turns == 0 {
            return self.when(ahead, n);
        }
        let all = self.passes_at.back().copied().unwrap_or(0).max(now);
        all.saturating_add(turns.saturating_mul(self.length))
    }

    /// Takes `n`, at most as many as there are, if they can be taken now: when their window will have passed.
    pub(super) fn take(&mut self, n: u64, now: u64) -> Option<u64> {
        (self.when(0, n) <= now).then(|| self.push(n, now))
    }

    /// Takes `n`, at most as many as there are, for a time that may be to come: that time, and when their window will
    /// have passed.
    pub(super) fn promise(&mut self, n: u64, now: u64) -> (u64, u64) {
        let ready = self.when(0, n).max(now).max(self.latest());
        (ready, self.push(n, ready))
    }

    /// Takes `n`, however many they are: what is there now, and then whatever comes free.
    pub(super) fn charge(&mut self, n: u64, now: u64) {
        let (turns, rest) = (n / self.len(), n % self.len());
        if turns > 0 {
            let later = turns.saturating_mul(self.length);
            self.passes_at.iter_mut().for_each(|at| *at = (*at).max(now).saturating_add(later));
        }
        for _ in 0..rest {
            let _ = self.promise(1, now);
        }
    }

    /// Undoes what was taken until then. As many that were replaced count again: what the last of all replaced. Their
    /// window had passed when that was taken, or when it was promised for, which may be to come.
    pub(super) fn give_back(&mut self, n: u64, passes_at: u64) {
        let latest = self.latest();
        let from = self.passes_at.partition_point(|at| *at < passes_at);
        let to = self.passes_at.partition_point(|at| *at <= passes_at);
        let count = (to - from).min(n as usize);
        self.passes_at.drain(from..from + count);
        let oldest = self.passes_at.front().map_or(latest, |at| latest.min(*at));
        for _ in 0..count {
            self.passes_at.push_front(oldest);
        }
    }

    /// The same under another limit: the last permits keep their times.
    pub(super) fn resize(&mut self, permits: usize, length: u64) {
        while self.passes_at.len() > permits {
            self.forgotten = self.passes_at.pop_front().unwrap_or(0);
        }
        while self.passes_at.len() < permits {
            self.passes_at.push_front(self.forgotten);
        }
        for at in self.passes_at.iter_mut().chain([&mut self.forgotten]).filter(|at| **at > 0) {
            // In this order: what was taken before a restart may have been taken before the origin of time.
            *at = at.saturating_add(length).saturating_sub(self.length);
        }
        self.length = length;
    }

    /// When those of all that were taken pass, the oldest first.
    pub(super) fn ends(&self) -> impl DoubleEndedIterator<Item = u64> {
        self.passes_at.iter().copied()
    }

    /// One more, which passes no earlier than any.
    pub(super) fn replace_oldest(&mut self, passes_at: u64) {
        self.passes_at.pop_front();
        self.passes_at.push_back(passes_at);
    }

    /// One more, which there is no room for.
    pub(super) fn forget(&mut self, passes_at: u64) {
        self.forgotten = self.forgotten.max(passes_at);
    }

    /// Of those of both, permit by permit, the one that passes later. They have the same size.
    pub(super) fn merge(&mut self, other: &Self) {
        for (at, other) in self.passes_at.iter_mut().zip(&other.passes_at) {
            *at = (*at).max(*other);
        }
        self.forgotten = self.forgotten.max(other.forgotten);
    }

    /// So many of them taken now.
    pub(super) fn fill(&mut self, taken: u64, now: u64) {
        let _ = self.push(taken.min(self.len()), now);
    }

    /// When the last was taken, or for when.
    fn latest(&self) -> u64 {
        self.passes_at.back().map_or(0, |at| at.saturating_sub(self.length))
    }

    fn push(&mut self, n: u64, at: u64) -> u64 {
        let passes_at = at.saturating_add(self.length).max(self.passes_at.back().copied().unwrap_or(0));
        for _ in 0..n {
            self.passes_at.pop_front();
            self.passes_at.push_back(passes_at);
        }
        passes_at
    }
}

#[cfg(test)]
mod tests;
