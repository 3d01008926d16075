//! tokio-util's tracker.

use super::{How, Tasks};

pub(super) struct TaskTracker;

impl Tasks for TaskTracker {
    const NAME: &'static str = "TaskTracker";

    async fn sum(count: u64, how: How) -> u64 {
        let tracker = tokio_util::task::TaskTracker::new();
        let tasks: Vec<_> = (0..count).map(|number| tracker.spawn(how.run(number))).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it does not panic");
        }
        tracker.close();
        tracker.wait().await;
        sum
    }
}
