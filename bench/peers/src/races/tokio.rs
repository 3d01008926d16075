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

    async fn five((): &mut (), signals: [Silent; 4], work: Item) -> u64 {
        let [a, b, c, d] = signals;
        select! {
            output = a => output,
            output = b => output,
            output = c => output,
            output = d => output,
            output = work => output,
        }
    }

    async fn eight((): &mut (), signals: [Silent; 7], work: Item) -> u64 {
        let [a, b, c, d, e, f, g] = signals;
        select! {
            output = a => output,
            output = b => output,
            output = c => output,
            output = d => output,
            output = e => output,
            output = f => output,
            output = g => output,
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

    async fn five((): &mut (), signals: [Silent; 4], work: Item) -> u64 {
        let [a, b, c, d] = signals;
        select! {
            biased;
            output = a => output,
            output = b => output,
            output = c => output,
            output = d => output,
            output = work => output,
        }
    }

    async fn eight((): &mut (), signals: [Silent; 7], work: Item) -> u64 {
        let [a, b, c, d, e, f, g] = signals;
        select! {
            biased;
            output = a => output,
            output = b => output,
            output = c => output,
            output = d => output,
            output = e => output,
            output = f => output,
            output = g => output,
            output = work => output,
        }
    }
}
