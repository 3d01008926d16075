//! The calls under way, in the order in which they were sent.

use std::collections::VecDeque;

/// Which calls have not been answered yet, and how much each takes.
///
/// An answer says what was left when the service looked at its call. Which others it had looked at by then nobody knows:
/// it is taken for granted that none of those that were sent later, and none of those that are still under way.
#[derive(Debug, Default)]
pub(super) struct Calls {
    // In the order of their numbers.
    under_way: VecDeque<Call>,
    under_way_cost: u128,
    last: u64,
    // All that was ever sent.
    sent: u128,
}

#[derive(Clone, Copy, Debug)]
struct Call {
    number: u64,
    cost: u64,
    // All that had been sent with it.
    through: u128,
}

/// A call that is under way no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) number: u64,
    pub(super) cost: u64,
    /// What the service may not have looked at before it: all that was sent after it, and what is still under way of
    /// what was sent before.
    pub(super) beside: u128,
    /// The last call that has been sent.
    pub(super) last: u64,
}

impl Calls {
    pub(super) const fn cost(&self) -> u128 {
        self.under_way_cost
    }

    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }

    /// The number of the call that is sent next.
    pub(super) const fn next(&self) -> u64 {
        self.last + 1
    }

    /// A call is sent.
    pub(super) fn begin(&mut self, cost: u64) -> u64 {
        self.last += 1;
        self.sent += u128::from(cost);
        self.under_way_cost += u128::from(cost);
        self.under_way.push_back(Call { number: self.last, cost, through: self.sent });
        self.last
    }

    /// A call was sent, and has ended.
    pub(super) fn end(&mut self, number: u64) -> Option<Ended> {
        let (at, call) = self.remove(number)?;
        let before = self.under_way.range(..at).map(|call| u128::from(call.cost)).sum::<u128>();
        Some(Ended { number, cost: call.cost, beside: self.sent - call.through + before, last: self.last })
    }

    /// A call was not sent after all. What it would have taken.
    pub(super) fn give_back(&mut self, number: u64) -> Option<u64> {
        let (at, call) = self.remove(number)?;
        self.sent -= u128::from(call.cost);
        for later in self.under_way.range_mut(at..) {
            later.through -= u128::from(call.cost);
        }
        Some(call.cost)
    }

    fn remove(&mut self, number: u64) -> Option<(usize, Call)> {
        let at = self.under_way.binary_search_by_key(&number, |call| call.number).ok()?;
        let call = self.under_way.remove(at)?;
        self.under_way_cost -= u128::from(call.cost);
        Some((at, call))
    }
}
