//! futures-buffered.

use super::Join;
use futures_buffered::join_all;

pub(super) const NAME: &str = "buffered";

pub(super) struct Buffered;

impl Join for Buffered {
    const NAME: &'static str = NAME;

    async fn sum<F: Future<Output = u64>>(futures: impl ExactSizeIterator<Item = F>) -> u64 {
        join_all(futures).await.into_iter().sum()
    }
}
