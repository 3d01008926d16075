//! tokio-stream.

use super::{Job, Numbers, SIZE, Split, WITHIN};
use std::pin::pin;
use tokio_stream::StreamExt;

pub(super) struct ChunksTimeout;

impl Split for ChunksTimeout {
    const NAME: &'static str = "timeout";

    async fn sum(numbers: Numbers, _: Job) -> u64 {
        let mut windows = pin!(numbers.chunks_timeout(SIZE, WITHIN));
        let mut sum = 0;
        while let Some(window) = windows.next().await {
            sum += window.into_iter().sum::<u64>() + 1;
        }
        sum
    }
}
