//! From nothing to the first task.

use crate::begun;
use crate::failure::{Failure, check};
use crate::job::Job;
use crate::workload::{Load, Quantity, Workload};
use backstay::{Net, Runtime};

/// From nothing to the first instruction of the first task: the runtime is built, its workers are started, a task is
/// spawned. Once in a process, whose first it is; the runtime's end is not part of it.
///
/// Then `size` tasks are spawned, so that there is something to check.
#[derive(Clone, Copy, Debug)]
pub struct StartUp;

impl Workload for StartUp {
    type Measured = Quantity;

    fn name(&self) -> &'static str {
        "start-up"
    }

    fn about(&self, _: Load) -> String {
        "the runtime is built, and its first task runs; its end is no part".to_owned()
    }

    fn unit(&self) -> &'static str {
        "µs to the first task"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![1]
    }

    /// There is only one first task.
    fn warm_up(&self, _: Load) -> u32 {
        0
    }

    fn bare(&self, _: Load) -> Option<Job> {
        Some(Job::StartUp)
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Quantity, Failure> {
        let taken = begun::microseconds()?;
        let mut ran = 0;
        for _ in 0..load.size() {
            ran += rt.spawn(async { 1 }).await?;
        }
        check("the tasks that ran", load.size(), ran)?;
        Ok(Quantity(taken))
    }
}
