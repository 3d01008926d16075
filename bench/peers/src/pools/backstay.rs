//! backstay's pool.

use super::{How, Pool, QUEUE, work};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::task::{CancelToken, Job, WorkerPool};
use std::time::Duration;

pub(super) struct Backstay;

impl Pool for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn sum(workers: usize, how: How, rounds: u64) -> u64 {
        let rt = current_thread::backstay();
        let pool = WorkerPool::builder().workers(workers).queue(QUEUE).build(&rt).expect("it is good");
        let mut sum = 0;
        for _ in 0..rounds {
            let mut jobs = Vec::with_capacity(QUEUE);
            for number in 0..QUEUE as u64 {
                jobs.push(match how {
                    How::Async => pool.try_submit(async move { number }).expect("there is a place"),
                    How::Blocking => {
                        pool.try_submit(Job::blocking(move || work(number))).expect("there is a place")
                    }
                });
            }
            for job in jobs {
                sum += job.await.expect("it does not panic");
            }
        }
        pool.drain(&CancelToken::new(), Duration::ZERO).await;
        sum
    }
}
