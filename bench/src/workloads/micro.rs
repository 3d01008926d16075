//! One small operation, many times.

use crate::failure::{Failure, check};
use crate::job::{self, Job, LONG, Operation};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use crate::yield_now::yield_now;
use backstay::{Net, Runtime};
use futures::poll;
use std::future::ready;
use std::hint::black_box;
use std::pin::pin;

/// One small operation, `size` times. It is no part of the comparison, but of the benchmarks and limits of single
/// calls.
#[derive(Clone, Copy, Debug)]
pub struct Micro {
    /// Which.
    pub operation: Operation,
}

impl Workload for Micro {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "micro"
    }

    fn about(&self, load: Load) -> String {
        format!("{:?}, {} times", self.operation, grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "operation"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![1_000]
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::Micro(job::Micro { operation: self.operation, times: load.size() }))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = job::Micro { operation: self.operation, times: load.size() };
        match size.operation {
            Operation::SpawnUnit => {
                for _ in 0..size.times {
                    rt.spawn(async {}).await?;
                }
            }
            Operation::SpawnValue => {
                for number in 0..size.times {
                    check("the task's number", number, rt.spawn(async move { number }).await?)?;
                }
            }
            Operation::SpawnAll => {
                let mut handles = Vec::with_capacity(size.times as usize);
                for _ in 0..size.times {
                    handles.push(rt.spawn(async {}));
                }
                for handle in handles {
                    handle.await?;
                }
            }
            Operation::TimeoutReady => {
                for number in 0..size.times {
                    let value = rt.timeout(LONG, ready(black_box(number))).await;
                    check("the value", number, value.map_err(|_| Failure::Lost("a value"))?)?;
                }
            }
            Operation::TimeoutPending => {
                for _ in 0..size.times {
                    rt.timeout(LONG, yield_now()).await.map_err(|_| Failure::Lost("a value"))?;
                }
            }
            Operation::Sleep => {
                for _ in 0..size.times {
                    let ready = poll!(pin!(rt.sleep(LONG))).is_ready();
                    check("a sleep ended early", 0, ready.into())?;
                }
            }
            Operation::Blocking => {
                for number in 0..size.times {
                    check("the job's number", number, rt.spawn_blocking(move || number).await?)?;
                }
            }
            Operation::Now => {
                for _ in 0..size.times {
                    black_box(rt.now());
                }
            }
            Operation::CloneHandle => {
                for _ in 0..size.times {
                    black_box(rt.clone());
                }
            }
        }
        Ok(Units(size.times))
    }
}
