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
}
