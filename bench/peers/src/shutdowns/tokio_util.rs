//! tokio-util's tracker and token.

use super::Stop;
use tokio_util::sync::CancellationToken;

pub(super) struct TaskTracker;

impl Stop for TaskTracker {
    const NAME: &'static str = "TaskTracker";

    type Running = (tokio_util::task::TaskTracker, CancellationToken);

    fn start(count: u64) -> Self::Running {
        let (tracker, token) = (tokio_util::task::TaskTracker::new(), CancellationToken::new());
        for _ in 0..count {
            tracker.spawn(token.clone().cancelled_owned());
        }
        (tracker, token)
    }

    async fn stop((tracker, token): Self::Running) -> u64 {
        let count = tracker.len() as u64;
        tracker.close();
        token.cancel();
        tracker.wait().await;
        count
    }
}
