//! futures.

use super::{Job, Numbers, PLACES, SIZE, Split, total};
use futures::channel::mpsc::{self, Receiver, UnboundedSender};
use futures::{SinkExt, StreamExt, join};
use std::cell::Cell;
use std::collections::HashMap;
use std::pin::Pin;

/// A channel for each key; who reads it is told of by another.
pub(super) struct Mpsc;

impl Split for Mpsc {
    const NAME: &'static str = "mpsc";

    async fn sum(numbers: Numbers, job: Job) -> u64 {
        let (begin, begun) = mpsc::unbounded();
        let sum = Cell::new(0);
        let read = async |(key, group)| {
            let total = total(key, group).await;
            sum.set(sum.get() + total);
        };
        join!(split(numbers, job, begin), begun.for_each_concurrent(None, read));
        sum.get()
    }
}

async fn split(mut numbers: Numbers, job: Job, begin: UnboundedSender<(u64, Receiver<u64>)>) {
    let mut groups = HashMap::new();
    while let Some(number) = numbers.next().await {
        let key = job.key(number);
        let group = groups.entry(key).or_insert_with(|| {
            let (sender, group) = mpsc::channel(PLACES);
            begin.unbounded_send((key, group)).expect("it is read to its end");
            sender
        });
        group.feed(number).await.expect("it is read to its end");
    }
}

/// What is left of one stream, a hundred at a time.
pub(super) struct Take;

impl Split for Take {
    const NAME: &'static str = "take";

    async fn sum(numbers: Numbers, _: Job) -> u64 {
        let mut numbers = numbers.peekable();
        let mut sum = 0;
        while Pin::new(&mut numbers).peek().await.is_some() {
            let mut window = numbers.by_ref().take(SIZE);
            while let Some(number) = window.next().await {
                sum += number;
            }
            sum += 1;
        }
        sum
    }
}

pub(super) struct Chunks;

impl Split for Chunks {
    const NAME: &'static str = "chunks";

    async fn sum(numbers: Numbers, _: Job) -> u64 {
        let mut windows = numbers.chunks(SIZE);
        let mut sum = 0;
        while let Some(window) = windows.next().await {
            sum += window.into_iter().sum::<u64>() + 1;
        }
        sum
    }
}
