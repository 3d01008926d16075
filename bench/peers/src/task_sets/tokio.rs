//! tokio's set.

use super::{How, Tasks};

pub(super) struct JoinSet;

impl Tasks for JoinSet {
    const NAME: &'static str = "JoinSet";

    async fn sum(count: u64, how: How) -> u64 {
        let mut tasks: tokio::task::JoinSet<u64> = (0..count).map(|number| how.run(number)).collect();
        let mut sum = 0;
        while let Some(output) = tasks.join_next().await {
            sum += output.expect("it does not panic");
        }
        sum
    }
}
