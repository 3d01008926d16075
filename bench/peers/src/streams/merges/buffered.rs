//! futures-buffered.

use super::{Merge, Numbers};
use futures::Stream;
use futures_buffered::MergeUnbounded;

pub(super) const NAME: &str = "buffered";

pub(super) struct Buffered;

impl Merge for Buffered {
    const NAME: &'static str = NAME;

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        MergeUnbounded::from_iter(streams)
    }
}
