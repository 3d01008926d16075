//! Retries as a share of recent calls.

use crate::instant::{Instant, nanos};
use crate::primitives::{Mutex, lock};
use std::time::Duration;

/// One retry, in the units that are counted: a share of one can be given to the millionth.
pub(super) const UNIT: u64 = 1_000_000;

/// How many parts a window is forgotten in.
const SLOTS: u64 = 10;

#[derive(Debug)]
pub(super) struct Ratio {
    per_call: u64,
    window: Mutex<Window>,
}

impl Ratio {
    pub(super) fn new(per_call: u64, reserve: u64, window: Duration) -> Self {
        Self { per_call, window: Mutex::new(Window::new(reserve, window)) }
    }

    pub(super) fn deposit(&self, now: Instant) {
        lock(&self.window).deposit(self.per_call, now);
    }

    /// How much was taken, and from which slot, if there was so much.
    pub(super) fn withdraw(&self, cost: u32, now: Instant) -> Option<(u64, u64)> {
        let amount = UNIT * u64::from(cost);
        lock(&self.window).withdraw(amount, now).map(|slot| (amount, slot))
    }

    pub(super) fn give_back(&self, amount: u64, slot: u64) {
        lock(&self.window).give_back(amount, slot);
    }

    pub(super) fn available(&self, now: Instant) -> u64 {
        lock(&self.window).balance(now) / UNIT
    }
}

/// What was put in and taken in the last slots, each of which is forgotten as a whole.
///
/// | | |
/// |---|---|
/// | `slots[n % SLOTS]` | what was put in less what was taken in slot `n`, for the last `SLOTS` of them |
/// | `sum` | of all of these; below zero where calls are forgotten before the retries that they paid for |
/// | `reserve + sum` | what can be taken |
#[derive(Debug)]
struct Window {
    reserve: u64,
    slot_nanos: u64,
    slots: [i64; SLOTS as usize],
    sum: i64,
    // Of all times seen so far the last: a clock that was read before another comes after it counts as that.
    current: u64,
}

impl Window {
    fn new(reserve: u64, window: Duration) -> Self {
        let slot_nanos = nanos(window).div_ceil(SLOTS).max(1);
        Self { reserve, slot_nanos, slots: [0; SLOTS as usize], sum: 0, current: 0 }
    }

    fn deposit(&mut self, amount: u64, now: Instant) {
        self.forget_until(now);
        self.add(self.current, signed(amount));
    }

    fn withdraw(&mut self, amount: u64, now: Instant) -> Option<u64> {
        if self.balance(now) < amount {
            return None;
        }
        self.add(self.current, -signed(amount));
        Some(self.current)
    }

    /// What was taken in that slot; nothing if that is forgotten.
    fn give_back(&mut self, amount: u64, slot: u64) {
        if self.current - slot < SLOTS {
            self.add(slot, signed(amount));
        }
    }

    fn balance(&mut self, now: Instant) -> u64 {
        self.forget_until(now);
        self.reserve.saturating_add_signed(self.sum)
    }

    fn add(&mut self, slot: u64, amount: i64) {
        let entry = &mut self.slots[(slot % SLOTS) as usize];
        // Both or neither, so that the sum stays that of the slots.
        if let (Some(sum), Some(net)) = (self.sum.checked_add(amount), entry.checked_add(amount)) {
            (self.sum, *entry) = (sum, net);
        }
    }

    fn forget_until(&mut self, now: Instant) {
        let slot = now.as_nanos() / self.slot_nanos;
        if slot <= self.current {
            return;
        }
        // Those that have gone by since; each has its place once.
        for passed in (self.current + 1..=slot).take(SLOTS as usize) {
            let entry = &mut self.slots[(passed % SLOTS) as usize];
            self.sum -= std::mem::take(entry);
        }
        self.current = slot;
    }
}

fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SLOT: u64 = 1_000;

    fn window(reserve: u64) -> Window {
        Window::new(reserve, Duration::from_nanos(SLOT * SLOTS))
    }

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten_slot_by_slot() {
        let mut window = window(0);
        for slot in 0..SLOTS {
            window.deposit(5, at(slot * SLOT));
        }
        for slot in 0..SLOTS {
            assert_eq!(window.balance(at((SLOTS - 1 + slot) * SLOT)), 5 * (SLOTS - slot), "{slot}");
        }
        assert_eq!(window.balance(at(2 * SLOTS * SLOT)), 0);
        window.deposit(3, Instant::MAX);
        assert_eq!((window.balance(Instant::MAX), window.sum), (3, 3));
    }

    #[test]
    fn retries_count_for_as_long_as_calls() {
        let mut window = window(0);
        window.deposit(4, at(0));
        assert!(window.withdraw(4, at(9 * SLOT)).is_some());
        // The calls are forgotten, the retries are not: new calls pay for them first.
        window.deposit(5, at(10 * SLOT));
        assert_eq!(window.balance(at(10 * SLOT)), 1);
        assert_eq!(window.balance(at(18 * SLOT)), 1);
        assert_eq!(window.balance(at(19 * SLOT)), 5);
    }

    #[test]
    fn what_is_given_back_late_is_not_given_twice() {
        let mut window = window(10);
        let slot = window.withdraw(10, at(0)).expect("it is there");
        assert_eq!(window.withdraw(1, at(0)), None);
        window.give_back(4, slot);
        assert_eq!(window.balance(at(9 * SLOT)), 4);
        // Forgotten, and with it that it was taken.
        assert_eq!(window.balance(at(10 * SLOT)), 10);
        window.give_back(6, slot);
        assert_eq!(window.balance(at(10 * SLOT)), 10);
    }

    #[test]
    fn a_clock_that_was_read_too_early_does_no_harm() {
        let mut window = window(0);
        window.deposit(1, at(7 * SLOT));
        window.deposit(1, at(0));
        assert_eq!((window.balance(at(0)), window.current), (2, 7));
    }

    #[test]
    fn the_largest_numbers_saturate() {
        let mut window = window(u64::MAX);
        for _ in 0..3 {
            window.deposit(u64::MAX, at(0));
            assert_eq!(window.balance(at(0)), u64::MAX);
        }
        assert!(window.withdraw(u64::MAX, at(0)).is_some());
        assert!(window.balance(Instant::MAX) == u64::MAX && window.sum == 0);
    }

    proptest! {
        /// Against all there was, kept one by one.
        #[test]
        fn it_is_the_sum_of_the_last_slots(
            steps in prop::collection::vec((0..3 * SLOT, 0..100_u64, 0..4_u8), 1..200), reserve in 0..50_u64,
        ) {
            let mut window = window(reserve);
            let mut all: Vec<(u64, i64)> = Vec::new();
            let mut taken = Vec::new();
            let mut now = 0;
            for (later, amount, what) in steps {
                now += later;
                let slot = now / SLOT;
                let sum: i64 = all.iter().filter(|(of, _)| of + SLOTS > slot).map(|(_, net)| net).sum();
                let there = reserve.saturating_add_signed(sum);
                prop_assert_eq!(window.balance(at(now)), there);
                match what {
                    0 => {
                        window.deposit(amount, at(now));
                        all.push((slot, amount as i64));
                    }
                    1 | 2 => {
                        let got = window.withdraw(amount, at(now));
                        prop_assert_eq!(got.is_some(), amount <= there);
                        if let Some(slot) = got {
                            all.push((slot, -(amount as i64)));
                            taken.push((amount, slot));
                        }
                    }
                    _ => {
                        if let Some((amount, slot)) = taken.pop() {
                            window.give_back(amount, slot);
                            all.push((slot, amount as i64));
                        }
                    }
                }
            }
        }
    }
}
