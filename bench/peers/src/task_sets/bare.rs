//! Nothing but tokio's handles.

use super::{How, Tasks};

pub(super) struct Bare;

impl Tasks for Bare {
    const NAME: &'static str = "bare";

    async fn sum(count: u64, how: How) -> u64 {
        let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(how.run(number))).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.expect("it does not panic");
        }
        sum
    }
}
