//! Many blocking jobs at once.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};

/// `size` blocking jobs at once, of about 10 µs each.
#[derive(Clone, Copy, Debug)]
pub struct BlockingBurst;

impl BlockingBurst {
    fn job(load: Load) -> job::BlockingBurst {
        job::BlockingBurst { jobs: load.size(), steps: 8_000 }
    }
}

impl Workload for BlockingBurst {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "blocking-burst"
    }

    fn about(&self, load: Load) -> String {
        format!("{} blocking jobs of about 10 µs, pools at their defaults", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "job"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![1_000]
    }

    fn smallest(&self) -> u64 {
        10
    }

    fn iterations(&self, load: Load) -> u32 {
        (9_000 / load.size()).clamp(3, 61) as u32
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::BlockingBurst(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let mut handles = Vec::with_capacity(size.jobs as usize);
        for number in 0..size.jobs {
            handles.push(rt.spawn_blocking(move || size.work(number)));
        }
        let mut sum = 0;
        for handle in handles {
            sum += handle.await?;
        }
        check("the sum of the jobs' numbers", size.jobs * (size.jobs - 1) / 2, sum)?;
        Ok(Units(size.jobs))
    }
}
