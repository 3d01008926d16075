//! futures: the function, and the macro that keeps the order. The macro that doesn't is as tokio's.

use super::Race;
use crate::items::{Item, Silent};
use futures::future::{FutureExt, select};
use futures::select_biased;

pub(super) struct Select;

impl Race for Select {
    const NAME: &'static str = "select";
    type Kept = ();

    async fn two((): &mut (), signal: Silent, work: Item) -> u64 {
        select(signal, work).await.factor_first().0
    }

    async fn three((): &mut (), signal: Silent, other: Silent, work: Item) -> u64 {
        let rest = select(other, work).map(|first| first.factor_first().0);
        select(signal, rest).await.factor_first().0
    }

    async fn five((): &mut (), signals: [Silent; 4], work: Item) -> u64 {
        let [a, b, c, d] = signals;
        let rest = select(d, work).map(|first| first.factor_first().0);
        let rest = select(c, rest).map(|first| first.factor_first().0);
        let rest = select(b, rest).map(|first| first.factor_first().0);
        select(a, rest).await.factor_first().0
    }

    async fn eight((): &mut (), signals: [Silent; 7], work: Item) -> u64 {
        let [a, b, c, d, e, f, g] = signals;
        let rest = select(g, work).map(|first| first.factor_first().0);
        let rest = select(f, rest).map(|first| first.factor_first().0);
        let rest = select(e, rest).map(|first| first.factor_first().0);
        let rest = select(d, rest).map(|first| first.factor_first().0);
        let rest = select(c, rest).map(|first| first.factor_first().0);
        let rest = select(b, rest).map(|first| first.factor_first().0);
        select(a, rest).await.factor_first().0
    }
}

pub(super) struct SelectBiased;

impl Race for SelectBiased {
    const NAME: &'static str = "biased!";
    type Kept = ();

    async fn two((): &mut (), signal: Silent, work: Item) -> u64 {
        select_biased! {
            output = signal.fuse() => output,
            output = work.fuse() => output,
        }
    }

    async fn three((): &mut (), signal: Silent, other: Silent, work: Item) -> u64 {
        select_biased! {
            output = signal.fuse() => output,
            output = other.fuse() => output,
            output = work.fuse() => output,
        }
    }

    async fn five((): &mut (), signals: [Silent; 4], work: Item) -> u64 {
        let [a, b, c, d] = signals;
        select_biased! {
            output = a.fuse() => output,
            output = b.fuse() => output,
            output = c.fuse() => output,
            output = d.fuse() => output,
            output = work.fuse() => output,
        }
    }

    async fn eight((): &mut (), signals: [Silent; 7], work: Item) -> u64 {
        let [a, b, c, d, e, f, g] = signals;
        select_biased! {
            output = a.fuse() => output,
            output = b.fuse() => output,
            output = c.fuse() => output,
            output = d.fuse() => output,
            output = e.fuse() => output,
            output = f.fuse() => output,
            output = g.fuse() => output,
            output = work.fuse() => output,
        }
    }
}
