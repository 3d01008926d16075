//! backstay.

use super::{Job, Numbers, Operator};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::stream::FlowExt;
use futures::{Stream, StreamExt};

const NAME: &str = "backstay";

pub(super) struct Debounce;

impl Operator for Debounce {
    const NAME: &'static str = NAME;
    const SIDE: Side = Side::Ours;

    async fn sum(numbers: Numbers, job: Job) -> u64 {
        sum(numbers.debounce(&current_thread::backstay(), job.quiet), job).await
    }
}

pub(super) struct ByKey;

impl Operator for ByKey {
    const NAME: &'static str = NAME;
    const SIDE: Side = Side::Ours;

    async fn sum(numbers: Numbers, job: Job) -> u64 {
        let settled =
            numbers.debounce_by_key(&current_thread::backstay(), job.quiet, |number| job.key(*number));
        sum(settled, job).await
    }
}

pub(super) struct ItemTimeout;

impl Operator for ItemTimeout {
    const NAME: &'static str = NAME;
    const SIDE: Side = Side::Ours;

    async fn sum(numbers: Numbers, job: Job) -> u64 {
        let limited = numbers.item_timeout(&current_thread::backstay(), job.quiet);
        sum(limited.map(|item| item.expect("in time")), job).await
    }
}

async fn sum(mut stream: impl Stream<Item = u64> + Unpin, job: Job) -> u64 {
    let (mut sum, mut given) = (0, 0);
    while job.given != Some(given)
        && let Some(number) = stream.next().await
    {
        sum += number;
        given += 1;
    }
    sum
}
