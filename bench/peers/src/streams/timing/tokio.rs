//! tokio, by hand.

use super::{Job, Numbers, Operator};
use futures::StreamExt;
use std::pin::pin;
use tokio::time::{Instant, sleep, timeout};

/// One sleep, moved with each item.
pub(super) struct Reset;

impl Operator for Reset {
    const NAME: &'static str = "reset";

    async fn sum(mut numbers: Numbers, job: Job) -> u64 {
        let mut pause = pin!(sleep(job.quiet));
        let (mut sum, mut held) = (0, None);
        loop {
            tokio::select! {
                biased;
                number = numbers.next() => match number {
                    Some(number) => {
                        held = Some(number);
                        pause.as_mut().reset(Instant::now() + job.quiet);
                    }
                    None => return sum + held.unwrap_or(0),
                },
                () = &mut pause, if held.is_some() => sum += held.take().unwrap_or(0),
            }
        }
    }
}

/// A timeout around each item.
pub(super) struct Restart;

impl Operator for Restart {
    const NAME: &'static str = "timeout";

    async fn sum(mut numbers: Numbers, job: Job) -> u64 {
        let (mut sum, mut held) = (0, None);
        loop {
            match timeout(job.quiet, numbers.next()).await {
                Ok(Some(number)) => held = Some(number),
                Ok(None) => return sum + held.unwrap_or(0),
                Err(_) => sum += held.take().unwrap_or(0),
            }
        }
    }
}

/// A limit on each item.
pub(super) struct Timeout;

impl Operator for Timeout {
    const NAME: &'static str = "timeout";

    async fn sum(mut numbers: Numbers, job: Job) -> u64 {
        let mut sum = 0;
        while let Some(number) = timeout(job.quiet, numbers.next()).await.expect("in time") {
            sum += number;
        }
        sum
    }
}
