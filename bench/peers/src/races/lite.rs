//! futures-lite.

use super::Race;
use crate::items::{Item, Silent};
use futures_lite::future::or;

pub(super) struct Or;

impl Race for Or {
    const NAME: &'static str = "or";
    type Kept = ();

    async fn two((): &mut (), signal: Silent, work: Item) -> u64 {
        or(signal, work).await
    }

    async fn three((): &mut (), signal: Silent, other: Silent, work: Item) -> u64 {
        or(signal, or(other, work)).await
    }

    async fn five((): &mut (), signals: [Silent; 4], work: Item) -> u64 {
        let [a, b, c, d] = signals;
        or(a, or(b, or(c, or(d, work)))).await
    }

    async fn eight((): &mut (), signals: [Silent; 7], work: Item) -> u64 {
        let [a, b, c, d, e, f, g] = signals;
        or(a, or(b, or(c, or(d, or(e, or(f, or(g, work))))))).await
    }
}
