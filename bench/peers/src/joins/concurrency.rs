//! futures-concurrency.

use super::Join;
use futures_concurrency::future::Join as _;

pub(super) struct Concurrency;

impl Join for Concurrency {
    const NAME: &'static str = "concurrency";

    async fn sum<F: Future<Output = u64>>(futures: impl ExactSizeIterator<Item = F>) -> u64 {
        futures.collect::<Vec<F>>().join().await.into_iter().sum()
    }
}
