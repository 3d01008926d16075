//! The runtimes compared on a workload of one's own.

use backstay::{Net, Runtime};
use backstay_bench::failure::{Failure, check};
use backstay_bench::workload::{Load, Units, Workload};

/// Tasks in a chain, each of which awaits the next.
#[derive(Clone)]
struct Chain;

impl Workload for Chain {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "chain"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks, one after the other", load.size())
    }

    fn unit(&self) -> &'static str {
        "task"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![1_000]
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let mut length = 0;
        for _ in 0..load.size() {
            length = rt.spawn(async move { length + 1 }).await?;
        }
        check("the length of the chain", load.size(), length)?;
        Ok(Units(length))
    }
}

backstay_bench::main!(Chain);
