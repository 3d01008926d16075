//! tokio: each future a task, in a set.

use super::Join;
use crate::current_thread;

pub(super) struct JoinSet;

impl Join for JoinSet {
    const NAME: &'static str = "JoinSet";

    async fn sum<F>(futures: impl ExactSizeIterator<Item = F>) -> u64
    where
        F: Future<Output = u64> + Send + 'static,
    {
        let mut tasks: tokio::task::JoinSet<u64> = futures.collect();
        let mut sum = 0;
        while let Some(output) = tasks.join_next().await {
            sum += output.expect("it does not panic");
        }
        sum
    }

    fn block_on(work: impl Future<Output = u64>) -> u64 {
        current_thread::block_on(work)
    }
}
