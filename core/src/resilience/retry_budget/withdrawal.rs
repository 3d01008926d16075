//! What was taken for a retry.

use super::RetryBudget;
use crate::probe;
use crate::resilience::verdict::Verdict;
use std::fmt;

/// What was taken for one retry. Dropped, it goes back: the retry was not made.
#[must_use = "what is taken is given back when this is dropped"]
pub struct Withdrawal<'b> {
    budget: &'b RetryBudget,
    amount: u64,
    // When it was taken, for a budget that forgets.
    slot: u64,
    _held: probe::Held,
}

impl<'b> Withdrawal<'b> {
    pub(super) fn new(budget: &'b RetryBudget, amount: u64, slot: u64) -> Self {
        Self { budget, amount, slot, _held: probe::hold(|| "withdrawal of a retry budget".to_owned()) }
    }

    /// The retry was made, and this came of it.
    ///
    /// A success gives the tokens of a token bucket back; [`Verdict::Ignore`] gives back whatever was taken, for the
    /// service was not asked; otherwise it is spent.
    pub fn record(mut self, verdict: Verdict) {
        if !self.budget.record_retry(verdict) {
            self.amount = 0;
        }
    }
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
