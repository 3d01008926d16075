//! How late a timer is, in an open loop: each deadline is planned from the start, and none waits for the last.

use crate::failure::{Failure, check};
use crate::size::grouped;
use crate::workload::{Latencies, Load, Workload};
use backstay::{Net, Runtime};
use std::time::Duration;

/// `size` sleeps, one after the other, each until the moment that the rate plans for it.
#[derive(Clone, Copy, Debug)]
pub struct TimerLateness;

impl Workload for TimerLateness {
    type Measured = Latencies;

    fn name(&self) -> &'static str {
        "timer-lateness"
    }

    fn about(&self, load: Load) -> String {
        format!("{} sleeps, each until its planned moment", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "sleep"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![100]
    }

    fn floor(&self, load: Load) -> Duration {
        load.rate().planned(load.size())
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Latencies, Failure> {
        let mut latencies = Latencies::new();
        let start = rt.now();
        for number in 1..=load.size() {
            let planned = start + load.rate().planned(number);
            rt.sleep_until(planned).await;
            latencies.record(rt.now().checked_duration_since(planned).ok_or(Failure::Early)?);
        }
        check("the sleeps", load.size(), latencies.count())?;
        Ok(latencies)
    }
}
