//! backstay.

use super::Race;
use crate::contest::Side;
use crate::items::{Item, Silent};
use backstay_core::select::{Turn, select2, select3, select5, select8};

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

    async fn five((): &mut (), signals: [Silent; 4], work: Item) -> u64 {
        let [a, b, c, d] = signals;
        select5(a, b, c, d, work).await.into_inner()
    }

    async fn eight((): &mut (), signals: [Silent; 7], work: Item) -> u64 {
        let [a, b, c, d, e, f, g] = signals;
        select8(a, b, c, d, e, f, g, work).await.into_inner()
    }
}

pub(super) struct Rotated;

/// A turn has room for four arms or for eight.
#[derive(Default)]
pub(super) struct Turns {
    few: Turn,
    many: Turn<8>,
}

impl Race for Rotated {
    const NAME: &'static str = "rotated";
    const SIDE: Side = Side::Variant;
    type Kept = Turns;

    async fn two(turns: &mut Turns, signal: Silent, work: Item) -> u64 {
        select2(signal, work).rotate(&mut turns.few).await.into_inner()
    }

    async fn three(turns: &mut Turns, signal: Silent, other: Silent, work: Item) -> u64 {
        select3(signal, other, work).rotate(&mut turns.few).await.into_inner()
    }

    async fn five(turns: &mut Turns, signals: [Silent; 4], work: Item) -> u64 {
        let [a, b, c, d] = signals;
        select5(a, b, c, d, work).rotate(&mut turns.many).await.into_inner()
    }

    async fn eight(turns: &mut Turns, signals: [Silent; 7], work: Item) -> u64 {
        let [a, b, c, d, e, f, g] = signals;
        select8(a, b, c, d, e, f, g, work).rotate(&mut turns.many).await.into_inner()
    }
}
