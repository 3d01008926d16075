//! Many tasks asleep at once, ending one after the other.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};
use std::time::Duration;

/// `size` tasks asleep at once, for 10 to 20 ms.
#[derive(Clone, Copy, Debug)]
pub struct Timers;

impl Timers {
    fn job(load: Load) -> job::Timers {
        let longest = Duration::from_millis(20);
        let step = Duration::from_nanos(10_000_000 / load.size());
        job::Timers { sleeps: load.size(), longest, step }
    }
}

impl Workload for Timers {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "timers"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks sleep 10 to 20 ms, their ends evenly apart", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "run, above the last deadline"
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

    fn iterations(&self, _: Load) -> u32 {
        5
    }

    fn floor(&self, load: Load) -> Duration {
        Self::job(load).longest
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Some(load.size())
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::Timers(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let mut handles = Vec::with_capacity(size.sleeps as usize);
        for number in 0..size.sleeps {
            let task = rt.clone();
            handles.push(rt.spawn(async move {
                task.sleep(size.sleep(number)).await;
                1
            }));
        }
        let mut ended = 0;
        for handle in handles {
            ended += handle.await?;
        }
        check("the sleeps that ended", size.sleeps, ended)?;
        Ok(Units(1))
    }
}
