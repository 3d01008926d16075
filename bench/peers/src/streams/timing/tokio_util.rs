//! tokio-util: its queue of delays, by hand.

use super::{Job, Numbers, Operator};
use futures::StreamExt;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use tokio_util::time::DelayQueue;

/// What waits in a map, and its time in a queue.
pub(super) struct Queue;

impl Operator for Queue {
    const NAME: &'static str = "DelayQueue";

    async fn sum(mut numbers: Numbers, job: Job) -> u64 {
        let mut queue = DelayQueue::new();
        let mut held = HashMap::new();
        let (mut sum, mut given) = (0, 0);
        while job.given != Some(given) {
            tokio::select! {
                biased;
                number = numbers.next() => {
                    let Some(number) = number else { break };
                    match held.entry(job.key(number)) {
                        Entry::Occupied(mut entry) => {
                            let (before, at) = entry.get_mut();
                            *before = number;
                            queue.reset(at, job.quiet);
                        }
                        Entry::Vacant(entry) => {
                            let at = queue.insert(*entry.key(), job.quiet);
                            entry.insert((number, at));
                        }
                    }
                }
                Some(key) = queue.next(), if !queue.is_empty() => {
                    let number = held.remove(key.get_ref());
                    sum += number.map_or(0, |(number, _)| number);
                    given += 1;
                }
            }
        }
        sum + held.values().map(|(number, _)| number).sum::<u64>()
    }
}
