//! futures.

use super::FanOut;
use futures::{StreamExt, stream};
use std::cell::Cell;

pub(super) struct Unordered;

impl FanOut for Unordered {
    const NAME: &'static str = "unordered";

    async fn sum<F: Future<Output = u64>>(futures: impl ExactSizeIterator<Item = F>, limit: usize) -> u64 {
        let mut outputs = stream::iter(futures).buffer_unordered(limit);
        let mut sum = 0;
        while let Some(output) = outputs.next().await {
            sum += output;
        }
        sum
    }
}

pub(super) struct ForEach;

impl FanOut for ForEach {
    const NAME: &'static str = "for_each";

    async fn sum<F: Future<Output = u64>>(futures: impl ExactSizeIterator<Item = F>, limit: usize) -> u64 {
        let sum = Cell::new(0);
        let add = async |future: F| sum.set(future.await + sum.get());
        stream::iter(futures).for_each_concurrent(limit, add).await;
        sum.get()
    }
}
