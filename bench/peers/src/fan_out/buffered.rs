//! futures-buffered.

use super::FanOut;
use futures::{StreamExt, stream};
use futures_buffered::BufferedStreamExt;

pub(super) const NAME: &str = "buffered";

pub(super) struct Buffered;

impl FanOut for Buffered {
    const NAME: &'static str = NAME;

    async fn sum<F: Future<Output = u64>>(futures: impl ExactSizeIterator<Item = F>, limit: usize) -> u64 {
        let mut outputs = stream::iter(futures).buffered_unordered(limit);
        let mut sum = 0;
        while let Some(output) = outputs.next().await {
            sum += output;
        }
        sum
    }
}
