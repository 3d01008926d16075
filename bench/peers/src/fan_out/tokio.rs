//! tokio: each future a task.

use super::FanOut;
use crate::current_thread;
use std::sync::Arc;
use tokio::{sync, task};

pub(super) struct JoinSet;

impl FanOut for JoinSet {
    const NAME: &'static str = "JoinSet";

    async fn sum<F>(futures: impl ExactSizeIterator<Item = F>, limit: usize) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let mut tasks = task::JoinSet::new();
        let mut sum = 0;
        for future in futures {
            if tasks.len() == limit
                && let Some(output) = tasks.join_next().await
            {
                sum += output.expect("it does not panic");
            }
            tasks.spawn(future);
        }
        while let Some(output) = tasks.join_next().await {
            sum += output.expect("it does not panic");
        }
        sum
    }

    fn block_on(work: impl Future<Output = u64>) -> u64 {
        current_thread::block_on(work)
    }
}

pub(super) struct Semaphore;

impl FanOut for Semaphore {
    const NAME: &'static str = "semaphore";

    async fn sum<F>(futures: impl ExactSizeIterator<Item = F>, limit: usize) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let permits = Arc::new(sync::Semaphore::new(limit));
        let mut tasks = Vec::with_capacity(futures.len());
        for future in futures {
            let permit = Arc::clone(&permits).acquire_owned().await.expect("it is open");
            tasks.push(tokio::spawn(async move {
                let output = future.await;
                drop(permit);
                output
            }));
        }
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it does not panic");
        }
        sum
    }

    fn block_on(work: impl Future<Output = u64>) -> u64 {
        current_thread::block_on(work)
    }
}
