//! futures.

use super::{Batches, SIZE};
use crate::streams::numbers::Numbers;
use futures::StreamExt;

pub(super) struct Chunks;

impl Batches for Chunks {
    const NAME: &'static str = "chunks";

    async fn sum(numbers: Numbers) -> u64 {
        let mut batches = numbers.chunks(SIZE);
        let mut sum = 0;
        while let Some(batch) = batches.next().await {
            sum += batch.into_iter().sum::<u64>();
        }
        sum
    }
}

pub(super) struct ReadyChunks;

impl Batches for ReadyChunks {
    const NAME: &'static str = "ready_chunks";

    async fn sum(numbers: Numbers) -> u64 {
        let mut batches = numbers.ready_chunks(SIZE);
        let mut sum = 0;
        while let Some(batch) = batches.next().await {
            sum += batch.into_iter().sum::<u64>();
        }
        sum
    }
}
