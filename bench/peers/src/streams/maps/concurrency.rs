//! futures-concurrency.

use super::Map;
use crate::items::Item;
use futures::stream;
use futures_concurrency::prelude::*;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) struct Concurrency;

impl Map for Concurrency {
    const NAME: &'static str = "concurrency";

    async fn sum(items: impl ExactSizeIterator<Item = Item>, limit: usize) -> u64 {
        let sum = AtomicU64::new(0);
        let add = async |item: Item| {
            sum.fetch_add(item.await, Ordering::Relaxed);
        };
        stream::iter(items).co().limit(NonZeroUsize::new(limit)).for_each(add).await;
        sum.into_inner()
    }
}
