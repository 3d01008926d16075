//! async-std, by hand.

mod connections;
mod http;
mod micro;
mod tasks;
mod tcp;
mod websocket;

use crate::failure::Failure;
use crate::host::ByHand;
use crate::job::Job;
use crate::sample::{Run, Sampling, sample};
use crate::workload::Outcome;
use async_std::task;
use std::sync::mpsc;

pub(crate) struct Bare;

/// There is one for the process, which takes its number of workers from `ASYNC_STD_THREAD_COUNT`.
pub(crate) fn start() -> Bare {
    Bare
}

impl ByHand for Bare {
    fn run(&self, job: Job, sampling: Sampling) -> Result<Vec<Run>, Failure> {
        let (done, outcome) = mpsc::channel();
        task::spawn(async move {
            let _ = done.send(sample(sampling, || run(job)).await);
        });
        outcome.recv().unwrap_or(Err(Failure::Lost("the work")))
    }
}

async fn run(job: Job) -> Result<Outcome, Failure> {
    let done = match job {
        Job::Spawn(size) => tasks::spawn(size).await,
        Job::YieldStorm(size) => tasks::yield_storm(size).await,
        Job::PingPong(size) => tasks::ping_pong(size).await,
        Job::SparseWake(size) => tasks::sparse_wake(size).await,
        Job::Timers(size) => tasks::timers(size).await,
        Job::BlockingBurst(size) => tasks::blocking_burst(size).await,
        Job::TcpEcho(size) => tcp::echo(size).await,
        Job::WebSocketEcho(size) => websocket::echo(size).await,
        Job::Http(size) => http::requests(size).await,
        Job::HttpLatency(plan) => return Ok(http::latency(plan).await?.into()),
        Job::Mixed(size) => return Ok(tcp::mixed(size).await?.into()),
        Job::Micro(size) => micro::run(size).await,
    };
    done.map(|()| Outcome::Units(job.units()))
}
