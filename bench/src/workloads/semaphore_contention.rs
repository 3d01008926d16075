//! Tasks that want the permits of one semaphore.
//!
//! Through backstay it is backstay's, by hand tokio's, on every runtime: both are strictly first come first served, so
//! that there are as many wakes.

use crate::failure::{Failure, check};
use crate::job::{self, Holders, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use crate::yield_now::yield_now;
use backstay::sync::Semaphore;
use backstay::{Limit, Net, Runtime};
use std::sync::Arc;

/// `size` tasks take a permit 100 times each; there is one permit for ten of them.
#[derive(Clone, Copy, Debug)]
pub struct SemaphoreContention;

impl SemaphoreContention {
    fn job(load: Load) -> job::Contention {
        let permits = u32::try_from(load.size() / 10).unwrap_or(u32::MAX).max(1);
        job::Contention { tasks: load.size(), turns: 100, permits }
    }
}

impl Workload for SemaphoreContention {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "semaphore-contention"
    }

    fn about(&self, load: Load) -> String {
        let size = Self::job(load);
        format!(
            "{} tasks take one of {} permits 100 times each, and yield inside every tenth time",
            grouped(size.tasks),
            grouped(size.permits.into())
        )
    }

    fn unit(&self) -> &'static str {
        "permit"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![100]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![10_000]
    }

    fn smallest(&self) -> u64 {
        3
    }

    fn iterations(&self, load: Load) -> u32 {
        (1_000 / load.size()).clamp(3, 61) as u32
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Some(load.size())
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::SemaphoreContention(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let permits = Limit::new(size.permits as usize)?;
        let semaphore = Arc::new(Semaphore::new(permits));
        let holders = Arc::new(Holders::default());
        let lost = |_| Failure::Lost("a permit");
        // Nobody has a turn before all are there.
        let held = semaphore.acquire_many(permits).await.map_err(lost)?;
        let mut handles = Vec::with_capacity(size.tasks as usize);
        for _ in 0..size.tasks {
            let (semaphore, holders) = (Arc::clone(&semaphore), Arc::clone(&holders));
            handles.push(rt.spawn(async move {
                let mut turns = 0;
                for turn in 0..size.turns {
                    let permit = semaphore.acquire().await.map_err(lost)?;
                    holders.enter(size)?;
                    if job::Contention::yields(turn) {
                        yield_now().await;
                    }
                    holders.leave();
                    drop(permit);
                    turns += 1;
                }
                Ok::<u64, Failure>(turns)
            }));
        }
        drop(held);
        let mut turns = 0;
        for handle in handles {
            turns += handle.await??;
        }
        check("the turns", size.total(), turns)?;
        Ok(Units(size.total()))
    }
}
