//! backstay.

use super::{Job, Numbers, PLACES, SIZE, Split, WITHIN, total};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::Limit;
use backstay_core::stream::{BatchConfig, FlowExt, GroupByConfig};
use futures::StreamExt;
use std::cell::Cell;
use std::pin::pin;

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("it is not zero")
}

pub(super) struct Groups;

impl Split for Groups {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn sum(numbers: Numbers, job: Job) -> u64 {
        let config = GroupByConfig::new(limit(job.keys as usize)).places(limit(PLACES));
        let groups = numbers.group_by(&current_thread::backstay(), config, |number| job.key(*number));
        let sum = Cell::new(0);
        groups
            .each_group(async |group| {
                let total = total(*group.key(), group).await;
                sum.set(sum.get() + total);
            })
            .await;
        sum.get()
    }
}

async fn of_windows(numbers: Numbers, config: BatchConfig) -> u64 {
    let mut windows = pin!(numbers.window(&current_thread::backstay(), config));
    let mut sum = 0;
    while let Some(mut window) = windows.next().await {
        while let Some(number) = window.next().await {
            sum += number;
        }
        sum += 1;
    }
    sum
}

pub(super) struct Windows;

impl Split for Windows {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn sum(numbers: Numbers, _: Job) -> u64 {
        of_windows(numbers, BatchConfig::new(limit(SIZE))).await
    }
}

pub(super) struct TimedWindows;

impl Split for TimedWindows {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn sum(numbers: Numbers, _: Job) -> u64 {
        of_windows(numbers, BatchConfig::new(limit(SIZE)).within(WITHIN)).await
    }
}
