//! backstay.

use super::{Batches, SIZE, WITHIN};
use crate::contest::Side;
use crate::current_thread;
use crate::streams::numbers::Numbers;
use backstay_core::Limit;
use backstay_core::stream::{BatchConfig, FlowExt};
use futures::StreamExt;
use std::pin::pin;

fn config() -> BatchConfig {
    BatchConfig::new(Limit::new(SIZE).expect("it is not zero"))
}

async fn sum(numbers: Numbers, config: BatchConfig) -> u64 {
    let mut batches = pin!(numbers.batch(&current_thread::backstay(), config));
    let mut sum = 0;
    while let Some(batch) = batches.next().await {
        sum += batch.into_iter().sum::<u64>();
    }
    sum
}

pub(super) struct Backstay;

impl Batches for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn sum(numbers: Numbers) -> u64 {
        sum(numbers, config().within(WITHIN)).await
    }
}

pub(super) struct Count;

impl Batches for Count {
    const NAME: &'static str = "count";
    const SIDE: Side = Side::Variant;

    async fn sum(numbers: Numbers) -> u64 {
        sum(numbers, config()).await
    }
}
