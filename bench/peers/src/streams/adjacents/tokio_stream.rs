//! tokio-stream.

use super::{Adjacent, Numbers, state};
use futures::Stream;
use tokio_stream::StreamExt;

pub(super) struct Filter;

impl Adjacent for Filter {
    const NAME: &'static str = "tokio-stream";

    fn pairs(numbers: Numbers) -> impl Stream<Item = (u64, u64)> {
        let mut last = None;
        numbers.filter_map(move |number| last.replace(number).map(|before| (before, number)))
    }

    fn changes(states: impl Stream<Item = u64>) -> impl Stream<Item = u64> {
        let mut last = None;
        states.filter(move |state| last.replace(*state) != Some(*state))
    }

    fn changes_by_state(numbers: Numbers) -> impl Stream<Item = u64> {
        let mut last = None;
        numbers.filter(move |number| {
            let state = state(number);
            last.replace(state) != Some(state)
        })
    }
}
