//! backstay.

use super::{Merge, Numbers, two};
use crate::contest::Side;
use backstay_core::stream::{FlowExt, MergeSet};
use futures::Stream;

pub(super) struct With;

impl Merge for With {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        let [first, second] = two(streams);
        first.merge_with(second)
    }
}

pub(super) struct Set;

impl Merge for Set {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        MergeSet::from_iter(streams)
    }
}

/// Beside the one that is made for two.
pub(super) struct SetOfTwo;

impl Merge for SetOfTwo {
    const NAME: &'static str = "MergeSet";
    const SIDE: Side = Side::Ours;

    fn merged(streams: Vec<Numbers>) -> impl Stream<Item = u64> {
        Set::merged(streams)
    }
}
