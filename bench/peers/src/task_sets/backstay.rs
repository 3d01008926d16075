//! backstay's set and its scope.

use super::{How, Tasks};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::task::{JoinSet, scope};
use std::convert::Infallible;

pub(super) struct Set;

impl Tasks for Set {
    const NAME: &'static str = "set";
    const SIDE: Side = Side::Variant;

    async fn sum(count: u64, how: How) -> u64 {
        let mut tasks = JoinSet::new(&current_thread::backstay());
        for number in 0..count {
            tasks.spawn(how.run(number));
        }
        let mut sum = 0;
        while let Some((_, output)) = tasks.join_next().await {
            sum += output.expect("it does not panic");
        }
        sum
    }
}

pub(super) struct Scope;

impl Tasks for Scope {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;

    async fn sum(count: u64, how: How) -> u64 {
        let rt = current_thread::backstay();
        let sum = scope(&rt, |s| async move {
            let spawn = |number| s.spawn(async move { Ok(how.run(number).await) });
            let tasks: Vec<_> = (0..count).map(spawn).collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.expect("it does not fail");
            }
            Ok::<_, Infallible>(sum)
        });
        sum.await.expect("nothing fails")
    }
}
