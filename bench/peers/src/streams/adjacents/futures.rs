//! futures.

use super::{Adjacent, Numbers, state};
use futures::{Stream, StreamExt};
use std::future::ready;

/// A stream of options, of which those are given that are some.
pub(super) struct Scan;

impl Adjacent for Scan {
    const NAME: &'static str = "scan";

    fn pairs(numbers: Numbers) -> impl Stream<Item = (u64, u64)> {
        let pairs = numbers.scan(None, |last: &mut Option<u64>, number| {
            let before = last.replace(number);
            ready(Some(before.map(|before| (before, number))))
        });
        pairs.filter_map(ready)
    }

    fn changes(states: impl Stream<Item = u64>) -> impl Stream<Item = u64> {
        let changes = states.scan(None, |last, state| {
            let has_changed = last.replace(state) != Some(state);
            ready(Some(has_changed.then_some(state)))
        });
        changes.filter_map(ready)
    }

    fn changes_by_state(numbers: Numbers) -> impl Stream<Item = u64> {
        let changes = numbers.scan(None, |last, number| {
            let state = state(&number);
            let has_changed = last.replace(state) != Some(state);
            ready(Some(has_changed.then_some(number)))
        });
        changes.filter_map(ready)
    }
}

/// A closure that keeps the item before.
pub(super) struct Filter;

impl Adjacent for Filter {
    const NAME: &'static str = "filter";

    fn pairs(numbers: Numbers) -> impl Stream<Item = (u64, u64)> {
        let mut last = None;
        numbers.filter_map(move |number| {
            let before = last.replace(number);
            ready(before.map(|before| (before, number)))
        })
    }

    fn changes(states: impl Stream<Item = u64>) -> impl Stream<Item = u64> {
        let mut last = None;
        states.filter(move |state| ready(last.replace(*state) != Some(*state)))
    }

    fn changes_by_state(numbers: Numbers) -> impl Stream<Item = u64> {
        let mut last = None;
        numbers.filter(move |number| {
            let state = state(number);
            ready(last.replace(state) != Some(state))
        })
    }
}
