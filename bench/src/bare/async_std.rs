//! async-std, by hand.

mod connections;
mod contention;
mod http;
mod memory;
mod micro;
mod spawning;
mod tasks;
mod tcp;
mod timers;
mod websocket;

use crate::begun;
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
    match job {
        Job::Spawn(size) => tasks::spawn(size).await?,
        Job::NestedSpawn(size) => spawning::nested(size).await?,
        Job::ChainedSpawn(size) => spawning::chained(size).await?,
        Job::YieldStorm(size) => tasks::yield_storm(size).await?,
        Job::PingPong(size) => tasks::ping_pong(size).await?,
        Job::SparseWake(size) => tasks::sparse_wake(size).await?,
        Job::Timers(size) => timers::timers(size).await?,
        Job::ArmedTimers(size) => return Ok(timers::armed(size)?.into()),
        Job::Timeouts(size) => timers::timeouts(size).await?,
        Job::MutexContention(size) => contention::mutex(size).await?,
        Job::SemaphoreContention(size) => contention::semaphore(size).await?,
        Job::CpuFanOut(size) => spawning::cpu(size).await?,
        Job::BlockingBurst(size) => tasks::blocking_burst(size).await?,
        Job::TcpEcho(size) => tcp::echo(size).await?,
        Job::WebSocketEcho(size) => websocket::echo(size).await?,
        Job::Http(size) => http::requests(size).await?,
        Job::HttpLatency(plan) => return Ok(http::latency(plan).await?.into()),
        Job::Mixed(size) => return Ok(tcp::mixed(size).await?.into()),
        Job::MemoryIdle(size) => return memory::idle(size).await.map(Outcome::Quantity),
        Job::MemorySleeping(size) => return memory::sleeping(size).await.map(Outcome::Quantity),
        Job::StartUp => return begun::microseconds().map(Outcome::Quantity),
        Job::Micro(size) => micro::run(size).await?,
    }
    Ok(Outcome::Units(job.units()))
}
