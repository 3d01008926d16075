//! What was taken for a retry.

use super::RetryBudget;
use crate::probe;
use crate::resilience::verdict::Verdict;
use std::borrow::Cow;
use std::fmt;
use std::mem;

/// What was taken for one retry. Dropped, it goes back: the retry was not made.
#[must_use = "what is taken is given back when this is dropped"]
pub struct Withdrawal<'b> {
    budget: Cow<'b, RetryBudget>,
    amount: u64,
    // When it was taken, for a budget that forgets.
    slot: u64,
    _held: probe::Held,
}

impl<'b> Withdrawal<'b> {
    pub(super) fn new(budget: &'b RetryBudget, amount: u64, slot: u64) -> Self {
        Self { budget: Cow::Borrowed(budget), amount, slot, _held: held() }
    }

    /// The same, for what outlives the handle that it was taken through.
    pub(in crate::resilience) fn into_owned(mut self) -> Withdrawal<'static> {
        let budget = Cow::Owned(RetryBudget::clone(&self.budget));
        Withdrawal { budget, amount: mem::take(&mut self.amount), slot: self.slot, _held: held() }
    }

    /// The retry was made, and this came of it.
    ///
    /// A success gives the tokens of a token bucket back; [`Verdict::Ignore`] gives back whatever was taken, for the
    /// service was not asked; otherwise it is spent.
    pub fn record(self, verdict: Verdict) {
        self.budget.record_one(verdict);
        self.settle(verdict);
    }

    /// The same for who has its result recorded by another.
    pub(in crate::resilience) fn settle(mut self, verdict: Verdict) {
        if !self.budget.comes_back(verdict) {
            self.amount = 0;
        }
    }
}

fn held() -> probe::Held {
    probe::hold(|| "withdrawal of a retry budget".to_owned())
}

impl Drop for Withdrawal<'_> {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.budget.give_back(self.amount, self.slot);
        }
    }
}

impl fmt::Debug for Withdrawal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Withdrawal").field("amount", &self.amount).finish_non_exhaustive()
    }
}
