//! Which of the tasks that can run goes next.

use crate::choice::{Choices, Dice, Purpose};
use std::collections::VecDeque;
use std::num::NonZeroU32;

/// The order in which tasks that can run are run.
///
/// | schedule | finds | misses |
/// |---|---|---|
/// | random (the default) | most orders that matter, with enough seeds | what needs one order of very many |
/// | PCT | a bug of a given depth with a known chance, in long runs too | – |
/// | FIFO, LIFO, round robin | what breaks in that one order; what most executors do is FIFO | all else |
/// | choices | all of a small scenario, when counted through by [`Explore::exhaustive`](crate::Explore::exhaustive) | – |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Schedule {
    /// Any of them, each as likely as any other.
    #[default]
    Random,
    /// Who has been ready longest.
    Fifo,
    /// Who became ready last; a task that yields goes behind all others.
    Lifo,
    /// The next by number after who ran last.
    RoundRobin,
    /// By random priorities that change at random points (Burckhardt, Kothari, Musuvathi and Nagarakatte, "A
    /// randomized scheduler with probabilistic guarantees of finding bugs", 2010). A task that yields falls
    /// behind all others.
    Pct {
        /// How many orderings the bug needs; 3 finds most. One less is the number of points, 999 at most.
        depth: NonZeroU32,
        /// Among how many polls the points are spread: about as many as the run takes.
        polls: u64,
    },
    /// As this list says, one number for each poll with a choice; the first that is ready after its end.
    Choices(Vec<u32>),
    /// As these bytes say, a fuzzer's input: one for each poll with a choice.
    Bytes(Vec<u8>),
}

impl Schedule {
    /// The choices it makes under `seed`.
    pub(crate) fn choices(&self, seed: u64) -> Choices {
        match self {
            Self::Choices(list) => Choices::list(list.clone()),
            Self::Bytes(bytes) => Choices::bytes(bytes.clone()),
            _ => Choices::seeded(seed),
        }
    }

    /// Whether timers of one instant fire in the order in which they were set, rather than in any.
    pub(crate) const fn keeps_timers_in_order(&self) -> bool {
        matches!(self, Self::Fifo | Self::Lifo | Self::RoundRobin)
    }
}

/// The tasks that can run, by slot.
#[derive(Debug)]
pub(crate) struct Ready {
    queue: VecDeque<u32>,
    order: Order,
}

#[derive(Debug)]
enum Order {
    Chosen,
    Fifo,
    // With who yielded last: it goes to the end, or nobody else would ever run.
    Lifo { yielder: Option<u32> },
    RoundRobin { last: u32 },
    Pct(Pct),
}

impl Ready {
    pub(crate) fn new(schedule: &Schedule, seed: u64) -> Self {
        let order = match schedule {
            Schedule::Random | Schedule::Choices(_) | Schedule::Bytes(_) => Order::Chosen,
            Schedule::Fifo => Order::Fifo,
            Schedule::Lifo => Order::Lifo { yielder: None },
            Schedule::RoundRobin => Order::RoundRobin { last: 0 },
            Schedule::Pct { depth, polls } => Order::Pct(Pct::new(seed, *depth, *polls)),
        };
        Self { queue: VecDeque::new(), order }
    }

    #[inline]
    pub(crate) fn push(&mut self, slot: u32) {
        match &mut self.order {
            Order::Lifo { yielder } if *yielder == Some(slot) => {
                *yielder = None;
                self.queue.push_front(slot);
            }
            _ => self.queue.push_back(slot),
        }
    }

    /// A new task has this place.
    #[inline]
    pub(crate) fn placed(&mut self, slot: u32) {
        if let Order::Pct(pct) = &mut self.order {
            pct.placed(slot);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Takes who goes next, if anybody can.
    #[inline]
    pub(crate) fn pick(&mut self, choices: &mut Choices) -> Option<u32> {
        let queue = &mut self.queue;
        match &mut self.order {
            Order::Chosen => {
                let index = choices.below(queue.len() as u32);
                // The first takes the place of who is taken out: with choices of zero, this is FIFO.
                queue.swap_remove_front(index as usize)
            }
            Order::Fifo => queue.pop_front(),
            Order::Lifo { .. } => queue.pop_back(),
            Order::RoundRobin { last } => {
                let distance = |slot: &u32| slot.wrapping_sub(*last).wrapping_sub(1);
                let index = (0..queue.len()).min_by_key(|&index| distance(&queue[index]))?;
                let slot = queue.swap_remove_front(index)?;
                *last = slot;
                Some(slot)
            }
            Order::Pct(pct) => {
                let index = (0..queue.len()).max_by_key(|&index| pct.priority(queue[index]))?;
                let slot = queue.swap_remove_front(index)?;
                pct.picked(slot);
                Some(slot)
            }
        }
    }

    /// Tells that a task has woken itself: it lets others run.
    #[inline]
    pub(crate) fn yielded(&mut self, slot: u32) {
        match &mut self.order {
            Order::Pct(pct) => pct.fall_behind(slot, None),
            Order::Lifo { yielder } => *yielder = Some(slot),
            _ => {}
        }
    }

    pub(crate) fn remove(&mut self, mut gone: impl FnMut(u32) -> bool) {
        self.queue.retain(|&slot| !gone(slot));
    }
}

/// The priorities of [`Schedule::Pct`].
#[derive(Debug)]
struct Pct {
    dice: Dice,
    // By slot; the higher goes first. Those drawn at random are above all that were given later.
    priorities: Vec<Priority>,
    // At which polls who is running falls behind, and its place among those who do; the latest first.
    changes: Vec<(u64, u32)>,
    polls: u64,
    // The level of those who fell behind last: below all others.
    lowest: u64,
    // Whether that is of one who yielded.
    lowest_yielded: bool,
}

/// The level, and the place in it. On a level of those who fell behind at a point they are in the order of the points'
/// numbers, which is not that in which they come.
type Priority = (u64, u32);

impl Pct {
    fn new(seed: u64, depth: NonZeroU32, polls: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x5043_5400, Purpose::Schedule);
        let mut changes: Vec<_> =
            (1..depth.get().min(1_000)).map(|number| (dice.next() % polls.max(1), number)).collect();
        changes.sort_unstable_by(|a, b| b.cmp(a));
        let lowest = u64::MAX / 2;
        Self { dice, priorities: Vec::new(), changes, polls: 0, lowest, lowest_yielded: false }
    }

    /// Draws the priority of a new task.
    fn placed(&mut self, slot: u32) {
        let slot = slot as usize;
        if self.priorities.len() <= slot {
            self.priorities.resize(slot + 1, (0, 0));
        }
        self.priorities[slot] = (self.dice.next() | 1 << 63, 0);
    }

    fn priority(&self, slot: u32) -> Priority {
        self.priorities.get(slot as usize).copied().unwrap_or_default()
    }

    fn picked(&mut self, slot: u32) {
        while let Some((_, number)) = self.changes.pop_if(|(at, _)| *at <= self.polls) {
            self.fall_behind(slot, Some(number));
        }
        self.polls += 1;
    }

    /// Behind all others; at a point, among those who fell behind at others just before.
    fn fall_behind(&mut self, slot: u32, point: Option<u32>) {
        if point.is_none() || self.lowest_yielded {
            self.lowest = self.lowest.saturating_sub(1);
        }
        self.lowest_yielded = point.is_none();
        if let Some(priority) = self.priorities.get_mut(slot as usize) {
            *priority = (self.lowest, point.unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// In which orders three that are always ready run, round by round, each order once; the first is `abc`.
    fn orders(seed: u64) -> Vec<String> {
        let depth = NonZeroU32::new(3).expect("not zero");
        let mut ready = Ready::new(&Schedule::Pct { depth, polls: 30 }, seed);
        let mut choices = Choices::seeded(0);
        (0..3).for_each(|slot| ready.placed(slot));
        let mut round = || {
            (0..3).for_each(|slot| ready.push(slot));
            [(); 3].map(|()| ready.pick(&mut choices).expect("there is one"))
        };
        let first = round();
        let name = |slot: u32| ['a', 'b', 'c'][first.iter().position(|&other| other == slot).unwrap_or(0)];
        let rounds = std::iter::once(first).chain((0..12).map(|_| round()));
        let mut orders: Vec<String> = rounds.map(|order| order.map(name).iter().collect()).collect();
        orders.dedup();
        orders
    }

    #[test]
    fn who_falls_behind_later_may_be_before_who_fell_behind_first_and_may_be_after() {
        let seen: BTreeSet<_> = (0..500).map(orders).collect();
        for end in ["cab", "cba"] {
            assert!(seen.contains(["abc", "bca", end].map(str::to_owned).as_slice()), "{end}: {seen:?}");
        }
    }

    #[test]
    fn points_have_an_order_of_their_own_between_two_who_yield() {
        let mut pct = Pct::new(0, NonZeroU32::MIN, 1);
        (0..5).for_each(|slot| pct.placed(slot));
        pct.fall_behind(0, None);
        pct.fall_behind(1, Some(3));
        pct.fall_behind(2, Some(5));
        pct.fall_behind(3, Some(2));
        pct.fall_behind(4, None);
        let mut slots: Vec<_> = (0..5).collect();
        slots.sort_by_key(|slot| std::cmp::Reverse(pct.priority(*slot)));
        assert_eq!(slots, [0, 2, 1, 3, 4]);
        pct.fall_behind(2, Some(1));
        assert!(pct.priority(2) < pct.priority(4));
    }

    #[test]
    fn a_point_before_the_first_poll_is_for_who_is_first() {
        let depth = NonZeroU32::new(2).expect("not zero");
        let mut ready = Ready::new(&Schedule::Pct { depth, polls: 1 }, 7);
        let mut choices = Choices::seeded(0);
        (0..3).for_each(|slot| ready.placed(slot));
        let mut round = || {
            (0..3).for_each(|slot| ready.push(slot));
            [(); 3].map(|()| ready.pick(&mut choices).expect("there is one"))
        };
        let ([a, b, c], second) = (round(), round());
        assert_eq!(second, [b, c, a]);
    }

    #[test]
    fn who_yields_falls_behind_all_others_whenever_they_fell_behind() {
        let depth = NonZeroU32::new(1_000).expect("not zero");
        for seed in 0..20 {
            let mut ready = Ready::new(&Schedule::Pct { depth, polls: 60 }, seed);
            let mut choices = Choices::seeded(0);
            (0..3).for_each(|slot| ready.placed(slot));
            (0..3).for_each(|slot| ready.push(slot));
            for _ in 0..30 {
                let slot = ready.pick(&mut choices).expect("there is one");
                ready.yielded(slot);
                ready.push(slot);
                let next = ready.pick(&mut choices).expect("there is one");
                assert_ne!(next, slot);
                ready.push(next);
            }
        }
    }
}
