//! tokio.

use super::{Job, Numbers, PLACES, Split, total};
use futures::StreamExt;
use std::collections::HashMap;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

/// A channel for each key, and a task that reads it.
pub(super) struct Tasks;

impl Split for Tasks {
    const NAME: &'static str = "tasks";

    async fn sum(mut numbers: Numbers, job: Job) -> u64 {
        let mut readers = JoinSet::new();
        let mut groups = HashMap::new();
        while let Some(number) = numbers.next().await {
            let key = job.key(number);
            let group = groups.entry(key).or_insert_with(|| {
                let (sender, group) = mpsc::channel(PLACES);
                readers.spawn(total(key, ReceiverStream::new(group)));
                sender
            });
            group.send(number).await.expect("it is read to its end");
        }
        drop(groups);
        readers.join_all().await.into_iter().sum()
    }
}
