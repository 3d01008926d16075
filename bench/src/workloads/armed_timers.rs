//! Timers that are armed, and cancelled before they are due: what most timers in a service are there for.
//!
//! Arming and cancelling are timed each by itself, by two workloads that do the same. A timer is armed only when it was
//! polled, so each is polled once, and checked to have kept the waker. All are armed before the first is cancelled.
//!
//! smol's and async-std's timers leave arming and cancelling to a queue of 1,000, which is worked off when it is full
//! or the reactor is polled; so with 10,000 timers at most a tenth of the work is left for later.

use crate::arming::arm_and_cancel;
use crate::failure::Failure;
use crate::job::{self, Job, Part};
use crate::size::grouped;
use crate::workload::{Load, Timed, Workload};
use backstay::{Net, Runtime};

/// `size` timers are armed, then cancelled; one of the two is timed.
#[derive(Clone, Copy, Debug)]
pub struct ArmedTimers(pub Part);

impl ArmedTimers {
    fn job(&self, load: Load) -> job::ArmedTimers {
        job::ArmedTimers { timers: load.size(), part: self.0 }
    }
}

impl Workload for ArmedTimers {
    type Measured = Timed;

    fn name(&self) -> &'static str {
        match self.0 {
            Part::Arm => "timer-arm",
            Part::Cancel => "timer-cancel",
        }
    }

    fn about(&self, load: Load) -> String {
        let timers = grouped(load.size());
        match self.0 {
            Part::Arm => format!("{timers} timers, due in a minute to an hour, are made and polled once"),
            Part::Cancel => format!("{timers} armed timers, due in a minute to an hour, are dropped"),
        }
    }

    fn unit(&self) -> &'static str {
        "timer"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![10_000]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![100_000]
    }

    fn smallest(&self) -> u64 {
        200
    }

    fn iterations(&self, load: Load) -> u32 {
        (60_000 / load.size()).clamp(3, 61) as u32
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::ArmedTimers(self.job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Timed, Failure> {
        arm_and_cancel(self.job(load), |delay| rt.sleep(delay))
    }
}
