//! futures.

use super::{Merge, Numbers, two};
use futures::{Stream, stream};

pub(super) struct Select;

impl Merge for Select {
    const NAME: &'static str = "select";

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        let [first, second] = two(streams);
        stream::select(first, second)
    }
}

pub(super) struct SelectAll;

impl Merge for SelectAll {
    const NAME: &'static str = "select_all";

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        stream::select_all(streams)
    }
}
