//! Two tasks and one message between them, over the `futures` crate's channel.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};
use futures::StreamExt;
use futures::channel::mpsc::unbounded;

/// A message, `size` times there and back between two tasks.
#[derive(Clone, Copy, Debug)]
pub struct PingPong;

impl PingPong {
    fn job(load: Load) -> job::PingPong {
        job::PingPong { round_trips: load.size() }
    }
}

impl Workload for PingPong {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "ping-pong"
    }

    fn about(&self, load: Load) -> String {
        format!("2 tasks, 1 message, {} times there and back", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "round trip"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![10_000]
    }

    fn smallest(&self) -> u64 {
        5
    }

    fn iterations(&self, load: Load) -> u32 {
        (150_000 / load.size()).clamp(3, 61) as u32
    }

    fn tasks(&self, _: Load) -> Option<u64> {
        Some(2)
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::PingPong(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
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
        check("the sum of the messages", size.round_trips * (size.round_trips - 1) / 2, sum)?;
        Ok(Units(size.round_trips))
    }
}
