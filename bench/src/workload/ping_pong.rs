//! Two tasks and one message between them, over the `futures` crate's channel.

use crate::failure::{Failure, check};
use crate::job::PingPong;
use backstay::Runtime;
use futures::StreamExt;
use futures::channel::mpsc::unbounded;

pub(super) async fn run<R: Runtime>(rt: R, size: PingPong) -> Result<(), Failure> {
    let (ping, mut pings) = unbounded();
    let (pong, mut pongs) = unbounded();
    let there = rt.spawn(async move {
        let mut sum = 0;
        for message in 0..size.round_trips {
            ping.unbounded_send(message).map_err(|_| Failure::Lost("a ping"))?;
            sum += pongs.next().await.ok_or(Failure::Lost("a pong"))?;
        }
        Ok::<u64, Failure>(sum)
    });
    let back = rt.spawn(async move {
        while let Some(message) = pings.next().await {
            pong.unbounded_send(message).map_err(|_| Failure::Lost("a pong"))?;
        }
        Ok::<(), Failure>(())
    });
    let sum = there.await??;
    back.await??;
    check("the sum of the messages", size.round_trips * (size.round_trips - 1) / 2, sum)
}
