//! backstay.

use crate::contest::Side;
use crate::items::Item;
use backstay_core::Limit;
use backstay_core::stream::FlowExt;
use futures::{StreamExt, stream};
use std::cell::Cell;

pub(super) struct Map;

impl super::Map for Map {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn sum(items: impl ExactSizeIterator<Item = Item>, limit: usize) -> u64 {
        let limit = Limit::new(limit).expect("it is not zero");
        let mut outputs = stream::iter(items).map_concurrent(limit, |item| item);
        let mut sum = 0;
        while let Some(output) = outputs.next().await {
            sum += output;
        }
        sum
    }
}

pub(super) struct Each;

impl super::Map for Each {
    const NAME: &'static str = "each";
    const SIDE: Side = Side::Ours;

    async fn sum(items: impl ExactSizeIterator<Item = Item>, limit: usize) -> u64 {
        let limit = Limit::new(limit).expect("it is not zero");
        let sum = Cell::new(0);
        let add = async |item: Item| sum.set(item.await + sum.get());
        stream::iter(items).each_concurrent(limit, add).await;
        sum.get()
    }
}
