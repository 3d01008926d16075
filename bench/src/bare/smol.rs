//! smol, by hand: an executor and threads that run it.

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
use crate::host::{ByHand, Threads};
use crate::job::Job;
use crate::sample::{Run, Sampling, sample};
use crate::workload::Outcome;
use smol::Executor;
use smol::channel::{Sender, bounded};
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;

pub(crate) struct Bare {
    ex: Arc<Executor<'static>>,
    // Dropping it ends the workers.
    _stop: Sender<()>,
    driven_here: bool,
}

pub(crate) fn start(threads: Threads) -> io::Result<Bare> {
    let ex = Arc::new(Executor::new());
    let (stop, stopped) = bounded::<()>(1);
    if let Threads::Workers(workers) = threads {
        for _ in 0..workers.get() {
            let (ex, stopped) = (Arc::clone(&ex), stopped.clone());
            thread::Builder::new().spawn(move || smol::block_on(ex.run(stopped.recv())))?;
        }
    }
    Ok(Bare { ex, _stop: stop, driven_here: threads == Threads::Current })
}

impl ByHand for Bare {
    fn run(&self, job: Job, sampling: Sampling) -> Result<Vec<Run>, Failure> {
        let (done, outcome) = mpsc::channel();
        let ex = Arc::clone(&self.ex);
        let task = self.ex.spawn(async move {
            let _ = done.send(sample(sampling, || run(Arc::clone(&ex), job)).await);
        });
        if self.driven_here {
            smol::block_on(self.ex.run(task));
        } else {
            task.detach();
        }
        outcome.recv().unwrap_or(Err(Failure::Lost("the work")))
    }
}

async fn run(ex: Arc<Executor<'static>>, job: Job) -> Result<Outcome, Failure> {
    match job {
        Job::Spawn(size) => tasks::spawn(ex, size).await?,
        Job::NestedSpawn(size) => spawning::nested(ex, size).await?,
        Job::ChainedSpawn(size) => spawning::chained(ex, size).await?,
        Job::YieldStorm(size) => tasks::yield_storm(ex, size).await?,
        Job::PingPong(size) => tasks::ping_pong(ex, size).await?,
        Job::SparseWake(size) => tasks::sparse_wake(ex, size).await?,
        Job::Timers(size) => timers::timers(ex, size).await?,
        Job::ArmedTimers(size) => return Ok(timers::armed(size)?.into()),
        Job::Timeouts(size) => timers::timeouts(ex, size).await?,
        Job::MutexContention(size) => contention::mutex(ex, size).await?,
        Job::SemaphoreContention(size) => contention::semaphore(ex, size).await?,
        Job::CpuFanOut(size) => spawning::cpu(ex, size).await?,
        Job::BlockingBurst(size) => tasks::blocking_burst(size).await?,
        Job::TcpEcho(size) => tcp::echo(ex, size).await?,
        Job::WebSocketEcho(size) => websocket::echo(ex, size).await?,
        Job::Http(size) => http::requests(ex, size).await?,
        Job::HttpLatency(plan) => return Ok(http::latency(ex, plan).await?.into()),
        Job::Mixed(size) => return Ok(tcp::mixed(ex, size).await?.into()),
        Job::MemoryIdle(size) => return memory::idle(ex, size).await.map(Outcome::Quantity),
        Job::MemorySleeping(size) => return memory::sleeping(ex, size).await.map(Outcome::Quantity),
        Job::StartUp => return begun::microseconds().map(Outcome::Quantity),
        Job::Micro(size) => micro::run(ex, size).await?,
    }
    Ok(Outcome::Units(job.units()))
}
