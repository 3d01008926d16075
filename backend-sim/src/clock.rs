//! Virtual time: what is due when.

use crate::choice::mix;
use backstay_core::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem;
use std::task::Waker;

/// What happens when a time has come.
#[derive(Debug)]
pub(crate) enum Due {
    /// A sleep ends.
    Wake(Waker),
    /// A wake that a fault has delayed arrives.
    LateWake {
        /// The task's place.
        slot: u32,
        /// The task, in case its place is another's by now.
        task: u64,
    },
    /// A host that a fault has paused goes on.
    Resume(u32),
}

/// A timer that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    index: u32,
    generation: u32,
}

/// All timers, the earliest first: a heap beside a table.
///
/// A timer that is cancelled leaves its place in the table at once and its entry in the heap until that comes up,
/// or until more than half of the heap is such. Setting, cancelling and firing cost the logarithm of the number
/// of timers.
#[derive(Debug)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<Entry>>,
    table: Vec<Timer>,
    free: Vec<u32>,
    // Entries whose timer was cancelled.
    stale: usize,
    set_so_far: u64,
    // Orders timers of one instant; `None` keeps them in the order in which they were set.
    ties: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: u64,
    tie: u64,
    key: (u32, u32),
}

#[derive(Debug)]
struct Timer {
    // Grows whenever the place is left: an older key or entry means a timer that is gone.
    generation: u32,
    // `None` when the place is free.
    due: Option<Due>,
}

/// Fewer stale entries than this are left where they are.
const WORTH_CLEARING: usize = 64;

impl Timers {
    /// None yet. Those of one instant fire in an order drawn from `ties`, or as they were set.
    pub(crate) const fn new(ties: Option<u64>) -> Self {
        Self { heap: BinaryHeap::new(), table: Vec::new(), free: Vec::new(), stale: 0, set_so_far: 0, ties }
    }

    /// Sets a timer.
    pub(crate) fn set(&mut self, at: Instant, due: Due) -> TimerKey {
        let index = self.free.pop().unwrap_or_else(|| {
            self.table.push(Timer { generation: 0, due: None });
            (self.table.len() - 1) as u32
        });
        let timer = &mut self.table[index as usize];
        timer.due = Some(due);
        let generation = timer.generation;
        self.set_so_far += 1;
        let tie = match self.ties {
            Some(seed) => mix(seed.wrapping_add(self.set_so_far)),
            None => self.set_so_far,
        };
        self.heap.push(Reverse(Entry { at: at.as_nanos(), tie, key: (index, generation) }));
        TimerKey { index, generation }
    }

    /// Whether a timer would wake this waker's task; one that is gone wakes nobody any more.
    pub(crate) fn would_wake(&mut self, key: TimerKey, waker: &Waker) -> bool {
        match self.timer(key).and_then(|timer| timer.due.as_ref()) {
            Some(Due::Wake(set)) => set.will_wake(waker),
            _ => true,
        }
    }

    /// Changes whom a timer wakes, if it is still set; whom it would have woken comes back, to be dropped by the
    /// caller.
    pub(crate) fn set_waker(&mut self, key: TimerKey, waker: Waker) -> Option<Waker> {
        match self.timer(key).and_then(|timer| timer.due.as_mut()) {
            Some(Due::Wake(set)) => Some(mem::replace(set, waker)),
            _ => Some(waker),
        }
    }

    /// Takes the wakes that faults have delayed, and the ends of the pauses that they have made.
    pub(crate) fn take_delayed(&mut self) -> Vec<Due> {
        let is_delayed = |due: &Option<Due>| matches!(due, Some(Due::LateWake { .. } | Due::Resume(_)));
        let delayed: Vec<_> = (0..self.table.len() as u32)
            .filter(|&index| is_delayed(&self.table[index as usize].due))
            .collect();
        self.stale += delayed.len();
        delayed.into_iter().filter_map(|index| self.leave(index)).collect()
    }

    /// Cancels a timer, if it is still set; what it would have done comes back, to be dropped by the caller.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<Due> {
        self.timer(key)?;
        let due = self.leave(key.index);
        self.stale += 1;
        if self.stale >= WORTH_CLEARING && self.stale > self.heap.len() / 2 {
            let table = &self.table;
            self.heap.retain(|Reverse(entry)| is_set(table, entry.key));
            self.stale = 0;
        }
        due
    }

    /// When the next timer is due.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<Instant> {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if is_set(&self.table, entry.key) {
                return Some(Instant::from_nanos(entry.at));
            }
            self.heap.pop();
            self.stale = self.stale.saturating_sub(1);
        }
        None
    }

    /// Takes all that is due.
    pub(crate) fn take_due(&mut self, now: Instant, due: &mut Vec<Due>) {
        while self.next().is_some_and(|at| at <= now) {
            if let Some(Reverse(entry)) = self.heap.pop() {
                due.extend(self.leave(entry.key.0));
            }
        }
    }

    /// How many are set.
    pub(crate) fn len(&self) -> usize {
        self.table.len() - self.free.len()
    }

    /// Drops all; what they hold comes back, to be dropped by the caller.
    pub(crate) fn clear(&mut self) -> Vec<Due> {
        self.heap.clear();
        self.stale = 0;
        let set: Vec<_> =
            (0..self.table.len() as u32).filter(|&index| self.table[index as usize].due.is_some()).collect();
        set.into_iter().filter_map(|index| self.leave(index)).collect()
    }

    fn timer(&mut self, key: TimerKey) -> Option<&mut Timer> {
        self.table.get_mut(key.index as usize).filter(|timer| timer.generation == key.generation)
    }

    fn leave(&mut self, index: u32) -> Option<Due> {
        let timer = &mut self.table[index as usize];
        timer.generation = timer.generation.wrapping_add(1);
        self.free.push(index);
        timer.due.take()
    }
}

fn is_set(table: &[Timer], (index, generation): (u32, u32)) -> bool {
    table[index as usize].generation == generation
}

#[cfg(test)]
mod tests {
    use super::{Due, TimerKey, Timers};
    use backstay_core::time::Instant;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A timer that can be told from others.
    fn due(id: u64) -> Due {
        Due::LateWake { slot: 0, task: id }
    }

    fn id(due: &Due) -> u64 {
        match due {
            Due::LateWake { task, .. } => *task,
            _ => unreachable!("none other is set here"),
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Set(u64),
        Cancel(usize),
        Advance(u64),
        Clear,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            5 => (0..50_u64).prop_map(Step::Set),
            4 => (0..300_usize).prop_map(Step::Cancel),
            2 => (0..10_u64).prop_map(Step::Advance),
            1 => Just(Step::Clear),
        ];
        prop::collection::vec(step, 0..400)
    }

    proptest! {
        /// As a sorted list would do it, if a slow one.
        #[test]
        fn timers_fire_as_those_of_a_plain_list(steps in steps(), in_order: bool) {
            let mut timers = Timers::new((!in_order).then_some(7));
            let mut model = BTreeMap::<u64, (Instant, TimerKey)>::new();
            let (mut keys, mut now, mut next_id) = (Vec::new(), Instant::ORIGIN, 0);
            for step in steps {
                match step {
                    Step::Set(after) => {
                        let at = Instant::from_nanos(now.as_nanos() + after);
                        let key = timers.set(at, due(next_id));
                        model.insert(next_id, (at, key));
                        keys.push((next_id, key));
                        next_id += 1;
                    }
                    Step::Cancel(index) => {
                        // Also those that have fired or were cancelled: then nothing happens.
                        if let Some((set, key)) = keys.get(index) {
                            let cancelled = timers.cancel(*key).map(|due| id(&due));
                            prop_assert_eq!(cancelled, model.remove(set).map(|_| *set));
                        }
                    }
                    Step::Advance(by) => {
                        now = Instant::from_nanos(now.as_nanos() + by);
                        let mut fired = Vec::new();
                        timers.take_due(now, &mut fired);
                        let fired: Vec<_> = fired.iter().map(id).collect();
                        let mut expected: Vec<_> =
                            model.iter().filter(|(_, (at, _))| *at <= now).map(|(id, (at, _))| (*at, *id)).collect();
                        expected.sort_unstable();
                        let times: Vec<_> = fired.iter().map(|id| model[id].0).collect();
                        prop_assert!(times.is_sorted());
                        if in_order {
                            prop_assert_eq!(&fired, &expected.iter().map(|(_, id)| *id).collect::<Vec<_>>());
                        } else {
                            prop_assert_eq!(fired.len(), expected.len());
                        }
                        for id in &fired {
                            prop_assert!(model.remove(id).is_some_and(|(at, _)| at <= now));
                        }
                    }
                    Step::Clear => {
                        prop_assert_eq!(timers.clear().len(), model.len());
                        model.clear();
                    }
                }
                prop_assert_eq!(timers.len(), model.len());
                prop_assert_eq!(timers.next(), model.values().map(|(at, _)| *at).min());
            }
        }
    }

    #[test]
    fn cancelled_timers_leave_no_more_behind_than_live_ones() {
        let mut timers = Timers::new(None);
        for i in 0..100_000 {
            let key = timers.set(Instant::from_nanos(1_000_000 + i), due(i));
            timers.cancel(key);
        }
        assert_eq!(timers.len(), 0);
        assert!(timers.heap.len() <= 128 && timers.table.len() == 1, "{}", timers.heap.len());
    }
}
