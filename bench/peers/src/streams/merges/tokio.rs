//! tokio-stream.

use super::{Numbers, two};
use futures::Stream;
use tokio_stream::{StreamExt, StreamMap};

pub(super) struct Merge;

impl super::Merge for Merge {
    const NAME: &'static str = "merge";

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        let [first, second] = two(streams);
        first.merge(second)
    }
}

pub(super) struct Map;

impl super::Merge for Map {
    const NAME: &'static str = "StreamMap";

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        let map: StreamMap<_, _> = streams.into_iter().enumerate().collect();
        map.map(|(_, item)| item)
    }
}
