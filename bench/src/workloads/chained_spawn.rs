//! A chain of tasks: each spawns the next and ends.
//!
//! As tokio's own `chained_spawn`: nobody holds a handle, and only the last one reports. So there is never more than
//! one task to run, which the worker that spawned it may take itself, or another steal. When the report comes, all
//! tasks have run; the one or two before the last may still be on their way out.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};
use futures::channel::oneshot;

/// A chain of `size` tasks.
#[derive(Clone, Copy, Debug)]
pub struct ChainedSpawn;

impl ChainedSpawn {
    fn job(load: Load) -> job::ChainedSpawn {
        job::ChainedSpawn { tasks: load.size() }
    }
}

impl Workload for ChainedSpawn {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "chained-spawn"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks, each spawns the next and ends; the last one reports", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "task"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![10_000]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![1_000_000]
    }

    fn smallest(&self) -> u64 {
        10
    }

    fn iterations(&self, load: Load) -> u32 {
        (90_000 / load.size()).clamp(3, 61) as u32
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::ChainedSpawn(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let (done, last) = oneshot::channel();
        link(rt, size.tasks, 0, done);
        let length = last.await.map_err(|_| Failure::Lost("the last task"))?;
        check("the length of the chain", size.tasks, length)?;
        Ok(Units(size.tasks))
    }
}

/// Spawns the next of `left` tasks, of which there were `length` before it.
fn link<R: Runtime>(rt: R, left: u64, length: u64, done: oneshot::Sender<u64>) {
    let next = rt.clone();
    let task = rt.spawn(async move {
        if left == 1 {
            // An error is a receiver that has gone, which can't be while it is awaited.
            let _ = done.send(length + 1);
        } else {
            link(next, left - 1, length + 1, done);
        }
    });
    drop(task);
}
