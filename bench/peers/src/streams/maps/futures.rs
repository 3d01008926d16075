//! futures.

use super::Map;
use crate::items::Item;
use futures::{StreamExt, stream};
use std::cell::Cell;

pub(super) struct Unordered;

impl Map for Unordered {
    const NAME: &'static str = "unordered";

    async fn sum(items: impl ExactSizeIterator<Item = Item>, limit: usize) -> u64 {
        let mut outputs = stream::iter(items).map(|item| item).buffer_unordered(limit);
        let mut sum = 0;
        while let Some(output) = outputs.next().await {
            sum += output;
        }
        sum
    }
}

pub(super) struct ForEach;

impl Map for ForEach {
    const NAME: &'static str = "for_each";

    async fn sum(items: impl ExactSizeIterator<Item = Item>, limit: usize) -> u64 {
        let sum = Cell::new(0);
        let add = async |item: Item| sum.set(item.await + sum.get());
        stream::iter(items).for_each_concurrent(limit, add).await;
        sum.get()
    }
}
