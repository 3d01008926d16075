//! futures-lite.

use super::{Merge, Numbers, two};
use futures::Stream;
use futures_lite::stream;

pub(super) struct Or;

impl Merge for Or {
    const NAME: &'static str = "or";

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        let [first, second] = two(streams);
        stream::or(first, second)
    }
}
