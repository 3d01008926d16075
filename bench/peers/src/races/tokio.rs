//! tokio, outside of its runtime, where its cooperative budget has no limit.

use super::Race;
use crate::items::{Item, Silent};
use tokio::select;

pub(super) struct Select;

impl Race for Select {
    const NAME: &'static str = "tokio";
    type Kept = ();

    async fn two((): &mut (), signal: Silent, work: Item) -> u64 {
        select! {
            output = signal => output,
            output = work => output,
        }
    }

    async fn three((): &mut (), signal: Silent, other: Silent, work: Item) -> u64 {
        select! {
            output = signal => output,
            output = other => output,
            output = work => output,
        }
    }
}

pub(super) struct SelectBiased;

impl Race for SelectBiased {
    const NAME: &'static str = "tokio-b";
    type Kept = ();

    async fn two((): &mut (), signal: Silent, work: Item) -> u64 {
        select! {
            biased;
            output = signal => output,
            output = work => output,
        }
    }

    async fn three((): &mut (), signal: Silent, other: Silent, work: Item) -> u64 {
        select! {
            biased;
            output = signal => output,
            output = other => output,
            output = work => output,
        }
    }
}
