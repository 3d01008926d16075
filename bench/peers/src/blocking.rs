//! Calls of who blocks: attempts, and a permit, without a future.

mod backon;
mod backstay;
mod governor;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
BLOCKING: functions, on the thread that calls; nobody sleeps
  backon       backon 1, BlockingRetryable, exponential delays; where there are none, a sleeper that doesn't sleep
  governor     governor 0.10, its default clock, check, and a sleep until there is one: written by hand
  monotonic    the same with the system's monotonic clock
  backstay     Retry::run_blocking, at most three attempts; RateLimiter::acquire_blocking
  first        the first attempt is good
  zero         a delay of zero between the attempts",
    columns: &["backon", "governor", "monotonic", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// Attempts, with 10 ms and 20 ms between them.
    Exponential,
    /// Attempts, with nothing between them.
    Immediate,
    /// A permit, and there is one.
    Permit,
}

const ATTEMPTS: u32 = 3;

/// After which time there is one more permit.
const EVERY: Duration = Duration::from_millis(1);

/// More permits than are taken.
const BURST: u32 = u32::MAX;

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    [
        (
            "good at the first attempt",
            Job::new("retry-blocking-first", Setting::Exponential, How::Ready, times),
        ),
        (
            "failing at the first attempt, good at the second",
            Job::new("retry-blocking-zero", Setting::Immediate, How::Faltering, times / 2),
        ),
        (
            "a permit waited for, and there is one",
            Job::new("limiter-blocking", Setting::Permit, How::Ready, times),
        ),
    ]
    .map(|(about, job)| {
        let mut ways = match job.setting {
            Setting::Permit => vec![job.way::<governor::Quanta>(), job.way::<governor::Monotonic>()],
            _ => vec![job.way::<backon::Backon>()],
        };
        ways.push(job.way::<backstay::Backstay>());
        job.work_about(about, ways)
    })
    .into()
}
