//! futures-concurrency.

use super::Race;
use crate::items::{Item, Silent};
use futures_concurrency::future::Race as _;

pub(super) struct Concurrency;

impl Race for Concurrency {
    const NAME: &'static str = "concurrency";
    type Kept = ();

    async fn two((): &mut (), signal: Silent, work: Item) -> u64 {
        (signal, work).race().await
    }

    async fn three((): &mut (), signal: Silent, other: Silent, work: Item) -> u64 {
        (signal, other, work).race().await
    }

    async fn five((): &mut (), signals: [Silent; 4], work: Item) -> u64 {
        let [a, b, c, d] = signals;
        (a, b, c, d, work).race().await
    }

    async fn eight((): &mut (), signals: [Silent; 7], work: Item) -> u64 {
        let [a, b, c, d, e, f, g] = signals;
        (a, b, c, d, e, f, g, work).race().await
    }
}
