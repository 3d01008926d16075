//! Worker pools: jobs and their outcomes, full queues, and every way in which a job or a pool ends.

mod ends;
mod jobs;
mod locks;
mod overflow;
mod sweeps;

use crate::kit::ms;
use backstay::testing::{Explore, Faults, Sim};
use backstay_core::Runtime;
use backstay_core::task::{PoolOverflow, PoolStats, WorkerPool};
use std::time::Duration;

/// A long time.
const HOUR: Duration = Duration::from_secs(3_600);

fn pool(rt: &Sim, workers: usize, queue: usize) -> WorkerPool<Sim> {
    pool_that(rt, workers, queue, PoolOverflow::Wait)
}

fn pool_that(rt: &Sim, workers: usize, queue: usize, overflow: PoolOverflow) -> WorkerPool<Sim> {
    WorkerPool::builder().workers(workers).queue(queue).overflow(overflow).build(rt).unwrap()
}

/// In virtual time, one schedule, no faults.
#[track_caller]
fn run<F: Future<Output = ()>>(scenario: impl FnOnce(Sim) -> F) -> Duration {
    match Sim::builder().run(scenario) {
        Ok(run) => run.elapsed,
        Err(failure) => panic!("{failure}"),
    }
}

#[track_caller]
fn explore<F: Future<Output = ()>>(scenario: impl Fn(Sim) -> F + Sync) {
    let outcome =
        Explore::seeds(0..100).builder(Sim::builder().faults(Faults::swarm())).run(scenario).map(|_| ());
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

/// A job that sleeps and gives a value.
fn after<T: Send + 'static>(rt: &Sim, millis: u64, value: T) -> impl Future<Output = T> + Send + use<T> {
    let rt = rt.clone();
    async move {
        rt.sleep(ms(millis)).await;
        value
    }
}

/// Waits for something else to happen, for ten seconds at most.
async fn wait_while(rt: &Sim, is_so: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if !is_so() {
            return;
        }
        rt.sleep(ms(1)).await;
    }
    panic!("it stays so");
}

/// Each job is in one place.
#[track_caller]
fn adds_up(stats: &PoolStats) {
    let ended = stats.finished + stats.panicked + stats.cancelled + stats.dropped;
    assert_eq!(stats.submitted, ended + (stats.queued + stats.running) as u64, "{stats:?}");
}
