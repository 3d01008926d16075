//! Spawn many tasks, then join them all.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};

/// Spawns `size` tasks, then joins them all.
#[derive(Clone, Copy, Debug)]
pub struct Spawn;

impl Spawn {
    fn job(load: Load) -> job::Spawn {
        job::Spawn { tasks: load.size() }
    }
}

impl Workload for Spawn {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "spawn"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks, spawned and joined", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "task"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![1_000, 10_000]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![100_000, 1_000_000]
    }

    fn smallest(&self) -> u64 {
        10
    }

    fn iterations(&self, load: Load) -> u32 {
        (90_000 / load.size()).clamp(3, 61) as u32
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Some(load.size())
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::Spawn(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let mut handles = Vec::with_capacity(size.tasks as usize);
        for number in 0..size.tasks {
            handles.push(rt.spawn(async move { number }));
        }
        let mut sum = 0;
        for handle in handles {
            sum += handle.await?;
        }
        check("the sum of the tasks' numbers", size.tasks * (size.tasks - 1) / 2, sum)?;
        Ok(Units(size.tasks))
    }
}
