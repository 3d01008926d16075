//! futures: `join_all`, which becomes a `FuturesOrdered` above thirty futures, and `FuturesUnordered` itself.

use super::Join;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;

pub(super) struct JoinAll;

impl Join for JoinAll {
    const NAME: &'static str = "join_all";

    async fn sum<F: Future<Output = u64>>(futures: impl ExactSizeIterator<Item = F>) -> u64 {
        join_all(futures).await.into_iter().sum()
    }
}

pub(super) struct Unordered;

impl Join for Unordered {
    const NAME: &'static str = "unordered";

    async fn sum<F: Future<Output = u64>>(futures: impl ExactSizeIterator<Item = F>) -> u64 {
        let mut futures: FuturesUnordered<F> = futures.collect();
        let mut sum = 0;
        while let Some(output) = futures.next().await {
            sum += output;
        }
        sum
    }
}
