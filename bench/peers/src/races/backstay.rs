//! backstay.

use super::Race;
use crate::contest::Side;
use crate::items::{Item, Silent};
use backstay_core::select::{Turn, select2, select3};

pub(super) struct Select;

impl Race for Select {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Kept = ();

    async fn two((): &mut (), signal: Silent, work: Item) -> u64 {
        select2(signal, work).await.into_inner()
    }

    async fn three((): &mut (), signal: Silent, other: Silent, work: Item) -> u64 {
        select3(signal, other, work).await.into_inner()
    }
}

pub(super) struct Rotated;

impl Race for Rotated {
    const NAME: &'static str = "rotated";
    const SIDE: Side = Side::Variant;
    type Kept = Turn;

    async fn two(turn: &mut Turn, signal: Silent, work: Item) -> u64 {
        select2(signal, work).rotate(turn).await.into_inner()
    }

    async fn three(turn: &mut Turn, signal: Silent, other: Silent, work: Item) -> u64 {
        select3(signal, other, work).rotate(turn).await.into_inner()
    }
}
