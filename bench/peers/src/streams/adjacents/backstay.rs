//! backstay.

use super::{Adjacent, Numbers, state};
use crate::contest::Side;
use backstay_core::stream::FlowExt;
use futures::Stream;

pub(super) struct Backstay;

impl Adjacent for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    fn pairs(numbers: Numbers) -> impl Stream<Item = (u64, u64)> {
        numbers.pairwise()
    }

    fn changes(states: impl Stream<Item = u64>) -> impl Stream<Item = u64> {
        states.distinct_until_changed()
    }

    fn changes_by_state(numbers: Numbers) -> impl Stream<Item = u64> {
        numbers.distinct_until_changed_by_key(state)
    }
}
