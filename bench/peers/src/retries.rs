//! Attempts, until one is good.

mod backon;
mod backstay;
mod tokio_retry2;
mod tower;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
RETRY: at most three attempts
  tower        tower 0.5, a policy by hand without delays, so that no timer has a place in its future
  backon       backon 1, exponential delays; where there are none, a sleeper that doesn't sleep
  retry2       tokio-retry2 0.9, exponential delays
  resilience   tower-resilience 0.13, exponential delays
  backstay     Retry, exponential delays
  zero         a delay of zero between the attempts; wall: with everybody's own timer, and by the wall's time
  budget       first attempts pay into a budget that all have together
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["tower", "backon", "retry2", "resilience", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// What is between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// 10 ms, 20 ms.
    Exponential,
    /// Nothing, for who can do that without a timer.
    Immediate,
    /// A delay of zero, left to the timer of who has none for it.
    Zero,
    /// As the first, with a budget.
    Budget,
}

const ATTEMPTS: u32 = 3;

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    [
        Job::new("retry-first", Setting::Exponential, How::Ready, times).goal(tower::NAME, 1.1),
        Job::new("retry-pending", Setting::Exponential, How::PendingOnce, times / 2),
        Job::new("retry-zero", Setting::Immediate, How::Faltering, times / 2),
        Job::new("retry-zero-wall", Setting::Zero, How::Faltering, times / 2_500).by_the_wall(),
        Job::new("retry-failing", Setting::Immediate, How::Failing, times / 2),
        Job::new("retry-budget", Setting::Budget, How::Ready, times),
        Job::new("retry-budget-2thr", Setting::Budget, How::Ready, times).on_two_threads(),
    ]
    .map(|job| {
        let mut ways = vec![job.way::<tower::Tower>()];
        if job.setting != Setting::Budget {
            ways.push(job.way::<backon::Backon>());
        }
        if !matches!(job.setting, Setting::Budget | Setting::Immediate) {
            ways.push(job.way::<tokio_retry2::TokioRetry2>());
        }
        if job.setting != Setting::Immediate {
            ways.push(job.way::<tower_resilience::TowerResilience>());
        }
        ways.push(job.way::<backstay::Backstay>());
        job.work(ways)
    })
    .into()
}
