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
}
