//! Tasks that want one mutex.
//!
//! It is tokio's on every runtime: it needs none, and it is fair: an unlock hands it to whoever waits longest, so that
//! there are as many wakes on each runtime. With one that lets others overtake, as those of `futures` and `async-lock`
//! do, the work would depend on who is quick. The runtime is what is compared.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use crate::yield_now::yield_now;
use backstay::{Net, Runtime};
use std::sync::Arc;
use tokio::sync::Mutex;

/// `size` tasks lock one mutex 100 times each.
#[derive(Clone, Copy, Debug)]
pub struct MutexContention;

impl MutexContention {
    fn job(load: Load) -> job::Contention {
        job::Contention { tasks: load.size(), turns: 100, permits: 1 }
    }
}

impl Workload for MutexContention {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "mutex-contention"
    }

    fn about(&self, load: Load) -> String {
        format!(
            "{} tasks lock one fair mutex 100 times each, and yield inside every tenth time",
            grouped(load.size())
        )
    }

    fn unit(&self) -> &'static str {
        "lock"
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
        Some(Job::MutexContention(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let mutex = Arc::new(Mutex::new(0));
        // Nobody has a turn before all are there.
        let held = mutex.lock().await;
        let mut handles = Vec::with_capacity(size.tasks as usize);
        for _ in 0..size.tasks {
            let mutex = Arc::clone(&mutex);
            handles.push(rt.spawn(async move {
                for turn in 0..size.turns {
                    let mut count = mutex.lock().await;
                    let before = *count;
                    if job::Contention::yields(turn) {
                        yield_now().await;
                    }
                    *count = before + 1;
                }
            }));
        }
        drop(held);
        for handle in handles {
            handle.await?;
        }
        let count = *mutex.lock().await;
        check("the turns", size.total(), count)?;
        Ok(Units(size.total()))
    }
}
