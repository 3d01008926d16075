//! futures.

use super::{Combine, Numbers};
use futures::future::Either::{Left, Right};
use futures::stream::{PollNext, select, select_with_strategy};
use futures::{Stream, StreamExt};
use std::future::ready;

/// Both as one, and what is known of each.
pub(super) struct Latest;

impl Combine for Latest {
    const NAME: &'static str = "select";

    fn pairs(first: Numbers, second: Numbers) -> impl Stream<Item = (u64, u64)> {
        let both = select(first.map(Left), second.map(Right));
        let pairs = both.scan((None, None), |(first, second), item| {
            match item {
                Left(number) => *first = Some(number),
                Right(number) => *second = Some(number),
            }
            ready(Some(first.zip(*second)))
        });
        pairs.filter_map(ready)
    }
}

/// Both as one, the state before what is seen with it.
pub(super) struct WithLatest;

impl Combine for WithLatest {
    const NAME: &'static str = "select";

    fn pairs(first: Numbers, second: Numbers) -> impl Stream<Item = (u64, u64)> {
        let state_first = |(): &mut ()| PollNext::Left;
        let both = select_with_strategy(second.map(Left), first.map(Right), state_first);
        let pairs = both.scan(None, |latest, item| {
            ready(Some(match item {
                Left(state) => {
                    *latest = Some(state);
                    None
                }
                Right(number) => latest.map(|state| (number, state)),
            }))
        });
        pairs.filter_map(ready)
    }
}
