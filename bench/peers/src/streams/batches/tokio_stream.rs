//! tokio-stream.

use super::{Batches, SIZE, WITHIN};
use crate::streams::numbers::Numbers;
use std::pin::pin;
use tokio_stream::StreamExt;

pub(super) const NAME: &str = "timeout";

pub(super) struct ChunksTimeout;

impl Batches for ChunksTimeout {
    const NAME: &'static str = NAME;

    async fn sum(numbers: Numbers) -> u64 {
        let mut batches = pin!(numbers.chunks_timeout(SIZE, WITHIN));
        let mut sum = 0;
        while let Some(batch) = batches.next().await {
            sum += batch.into_iter().sum::<u64>();
        }
        sum
    }
}
