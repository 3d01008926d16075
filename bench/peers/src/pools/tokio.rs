//! tokio's pool of blocking threads.

use super::{How, Pool, QUEUE, work};

pub(super) struct Blocking;

impl Pool for Blocking {
    const NAME: &'static str = "blocking";

    async fn sum(_workers: usize, _how: How, rounds: u64) -> u64 {
        let mut sum = 0;
        for _ in 0..rounds {
            let jobs: Vec<_> =
                (0..QUEUE as u64).map(|number| tokio::task::spawn_blocking(move || work(number))).collect();
            for job in jobs {
                sum += job.await.expect("it does not panic");
            }
        }
        sum
    }
}
