//! futures-concurrency.

use super::Numbers;
use futures::Stream;
use futures_concurrency::stream::Merge;

pub(super) struct Concurrency;

impl super::Merge for Concurrency {
    const NAME: &'static str = "concurrency";

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        streams.merge()
    }
}
