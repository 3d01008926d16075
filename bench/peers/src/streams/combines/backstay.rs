//! backstay.

use super::{Combine, Numbers};
use crate::contest::Side;
use backstay_core::stream::FlowExt;
use futures::Stream;

pub(super) struct Latest;

impl Combine for Latest {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    fn pairs(first: Numbers, second: Numbers) -> impl Stream<Item = (u64, u64)> {
        first.combine_latest(second)
    }
}

pub(super) struct WithLatest;

impl Combine for WithLatest {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    fn pairs(first: Numbers, second: Numbers) -> impl Stream<Item = (u64, u64)> {
        first.with_latest_from(second)
    }
}
