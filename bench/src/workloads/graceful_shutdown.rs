//! Many tasks are told to stop, and all of them have.

use crate::failure::{Failure, check};
use crate::size::grouped;
use crate::workload::{Load, Timed, Workload};
use backstay::task::Shutdown;
use backstay::{Net, Runtime};
use futures::stream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// `size` tasks under backstay's [`Shutdown`] that wait for its stop token: from the signal to its report, by which
/// each of them has ended.
#[derive(Clone, Copy, Debug)]
pub struct GracefulShutdown;

impl Workload for GracefulShutdown {
    type Measured = Timed;

    fn name(&self) -> &'static str {
        "graceful-shutdown"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks are told to stop, and all have ended", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "task"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![10_000]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![100_000]
    }

    fn smallest(&self) -> u64 {
        10
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Some(load.size())
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Timed, Failure> {
        let shutdown = Shutdown::new(&rt);
        let waiting = Arc::new(AtomicU64::new(0));
        for _ in 0..load.size() {
            let (stop, waiting) = (shutdown.stop_token().clone(), Arc::clone(&waiting));
            let task = async move {
                waiting.fetch_add(1, Relaxed);
                stop.cancelled().await;
            };
            shutdown.spawn(task).map_err(|_| Failure::Lost("a task"))?;
        }
        while waiting.load(Relaxed) < load.size() {
            rt.yield_now().await;
        }
        let start = rt.now();
        let report = shutdown.run(stream::iter(["stop"])).await;
        let taken = rt.now().saturating_duration_since(start);
        check("the tasks that ended by themselves", load.size(), report.finished.len() as u64)?;
        Ok(Timed { units: load.size(), taken })
    }
}
