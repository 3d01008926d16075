//! Arithmetic, in parallel tasks: how well a runtime spreads what one task spawns over its workers.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};

/// `size` chunks of arithmetic, of 50 to 100 µs each.
#[derive(Clone, Copy, Debug)]
pub struct CpuFanOut;

impl CpuFanOut {
    fn job(load: Load) -> job::CpuFanOut {
        job::CpuFanOut { chunks: load.size(), steps: 20_000 }
    }
}

impl Workload for CpuFanOut {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "cpu-fan-out"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks of 50 to 100 µs of arithmetic each, spawned by one task", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "chunk"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![100]
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
        Some(Job::CpuFanOut(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let mut handles = Vec::with_capacity(size.chunks as usize);
        for number in 0..size.chunks {
            handles.push(rt.spawn(async move { size.work(number) }));
        }
        let mut sum = 0;
        for handle in handles {
            sum += handle.await?;
        }
        check("the sum of the chunks", size.sum(), sum)?;
        Ok(Units(size.chunks))
    }
}
