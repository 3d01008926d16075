//! futures-buffered.

use super::Map;
use crate::items::Item;
use futures::{StreamExt, stream};
use futures_buffered::BufferedStreamExt;

pub(super) const NAME: &str = "buffered";

pub(super) struct Buffered;

impl Map for Buffered {
    const NAME: &'static str = NAME;

    async fn sum(items: impl ExactSizeIterator<Item = Item>, limit: usize) -> u64 {
        let mut outputs = stream::iter(items).map(|item| item).buffered_unordered(limit);
        let mut sum = 0;
        while let Some(output) = outputs.next().await {
            sum += output;
        }
        sum
    }
}
