//! A channel, tasks that take jobs from it, and a channel for each outcome.

use super::{How, Pool, QUEUE, work};
use futures::channel::oneshot;

pub(super) struct Channel;

type Job = (u64, oneshot::Sender<u64>);

impl Pool for Channel {
    const NAME: &'static str = "channel";

    async fn sum(workers: usize, how: How, rounds: u64) -> u64 {
        let (submit, jobs) = async_channel::bounded::<Job>(QUEUE);
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                let jobs = jobs.clone();
                tokio::spawn(async move {
                    while let Ok((number, outcome)) = jobs.recv().await {
                        let value = match how {
                            How::Async => number,
                            How::Blocking => work(number),
                        };
                        outcome.send(value).expect("it is awaited");
                    }
                })
            })
            .collect();
        let mut sum = 0;
        for _ in 0..rounds {
            let mut outcomes = Vec::with_capacity(QUEUE);
            for number in 0..QUEUE as u64 {
                let (send, outcome) = oneshot::channel();
                submit.try_send((number, send)).expect("there is a place");
                outcomes.push(outcome);
            }
            for outcome in outcomes {
                sum += outcome.await.expect("it is done");
            }
        }
        drop(submit);
        for worker in workers {
            worker.await.expect("it does not panic");
        }
        sum
    }
}
