//! Tasks that do nothing but yield: one self-wake each time.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use crate::yield_now::yield_now;
use backstay::{Net, Runtime};

/// `size` tasks that yield 1,000 times each.
#[derive(Clone, Copy, Debug)]
pub struct YieldStorm;

impl YieldStorm {
    fn job(load: Load) -> job::YieldStorm {
        job::YieldStorm { tasks: load.size(), yields: 1_000 }
    }
}

impl Workload for YieldStorm {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "yield-storm"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks, 1,000 yields each", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "yield"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![100]
    }

    fn smallest(&self) -> u64 {
        3
    }

    fn iterations(&self, load: Load) -> u32 {
        (1_500 / load.size()).clamp(3, 61) as u32
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Some(load.size())
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::YieldStorm(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let mut handles = Vec::with_capacity(size.tasks as usize);
        for _ in 0..size.tasks {
            handles.push(rt.spawn(async move {
                let mut yields = 0;
                while yields < size.yields {
                    yield_now().await;
                    yields += 1;
                }
                yields
            }));
        }
        let mut yields = 0;
        for handle in handles {
            yields += handle.await?;
        }
        check("the yields", size.tasks * size.yields, yields)?;
        Ok(Units(size.tasks * size.yields))
    }
}
