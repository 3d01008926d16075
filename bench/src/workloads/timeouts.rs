//! Operations with a time limit that they keep.
//!
//! Each is pending once, so that the timer is armed and cancelled whether it is made with the timeout or only when the
//! operation is pending.

use crate::failure::{Failure, check};
use crate::job::{self, Job, LONG};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use crate::yield_now::yield_now;
use backstay::{Net, Runtime};

/// `size` operations under a timeout, one after the other in each of ten tasks.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts;

impl Timeouts {
    fn job(load: Load) -> job::Timeouts {
        job::Timeouts { tasks: 10, operations: load.size() }
    }
}

impl Workload for Timeouts {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "timeout"
    }

    fn about(&self, load: Load) -> String {
        let size = Self::job(load);
        format!(
            "{} operations under a timeout, pending once each, shared by {} tasks",
            grouped(size.operations),
            size.tasks
        )
    }

    fn unit(&self) -> &'static str {
        "operation"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![10_000]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![1_000_000]
    }

    fn smallest(&self) -> u64 {
        12
    }

    fn iterations(&self, load: Load) -> u32 {
        (60_000 / load.size()).clamp(3, 61) as u32
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::Timeouts(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let mut handles = Vec::with_capacity(size.tasks as usize);
        for number in 0..size.tasks {
            let task = rt.clone();
            handles.push(rt.spawn(async move {
                let mut sum = 0;
                for answer in 0..size.share(number) {
                    let operation = async {
                        yield_now().await;
                        answer
                    };
                    sum += task.timeout(LONG, operation).await.map_err(|_| Failure::Lost("an answer"))?;
                }
                Ok::<u64, Failure>(sum)
            }));
        }
        let mut sum = 0;
        for handle in handles {
            sum += handle.await??;
        }
        check("the sum of the answers", size.sum(), sum)?;
        Ok(Units(size.operations))
    }
}
