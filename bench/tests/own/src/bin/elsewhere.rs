//! A workload that isn't for every system.

use backstay::{Net, Runtime};
use backstay_bench::failure::{Failure, check};
use backstay_bench::workload::{Load, Units, Workload};

/// A task, where the runtime isn't async-std: a stand-in for a system that lacks something.
#[derive(Clone)]
struct Elsewhere;

impl Workload for Elsewhere {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "elsewhere"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks", load.size())
    }

    fn unit(&self) -> &'static str {
        "task"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![100]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![10_000]
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        if rt.name() == "async-std" {
            return Err(Failure::not_here("there is no such file"));
        }
        for number in 0..load.size() {
            check("the task's number", number, rt.spawn(async move { number }).await?)?;
        }
        Ok(Units(load.size()))
    }
}

backstay_bench::main!(Elsewhere);
