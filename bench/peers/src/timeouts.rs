//! Limits on the time of a call.

mod backstay;
mod tokio;
mod tower;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
TIMEOUT
  tokio        tokio 1.x, timeout
  select!      tokio 1.x, select! of the call and a sleep
  tower        tower 0.5
  resilience   tower-resilience 0.13
  backstay     AttemptTimeout; plain: Runtime::timeout, around a future and not a policy
  elsewhere    pending once, on an executor that isn't the runtime's; theirs in a context that is entered once, ours
               without
  fires        the limits of many calls at once pass: a millisecond after their beginning
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["tokio", "select!", "tower", "resilience", "backstay", "plain"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// What doesn't pass.
const LONG: Duration = Duration::from_secs(10);

/// What does.
const SHORT: Duration = Duration::from_millis(1);

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    [
        Job::new("timeout-ready", LONG, How::Ready, times).goal(tokio::NAME, 0.15),
        Job::new("timeout-pending", LONG, How::PendingOnce, times).goal(tokio::NAME, 1.05),
        Job::new("timeout-elsewhere", LONG, How::PendingOnce, times).elsewhere().goal(tokio::NAME, 1.15),
        Job::new("timeout-fires", SHORT, How::Hanging, times / 50),
        Job::new("timeout-ready-2thr", LONG, How::Ready, times).on_two_threads().goal(tokio::NAME, 0.15),
        Job::new("timeout-pending-2thr", LONG, How::PendingOnce, times).on_two_threads(),
    ]
    .map(|job| {
        let ways = vec![
            job.way::<tokio::Timeout>(),
            job.way::<tokio::Select>(),
            job.way::<tower::Tower>(),
            job.way::<tower_resilience::TowerResilience>(),
            job.way::<backstay::Backstay>(),
            job.way::<backstay::Plain>(),
        ];
        job.work(ways)
    })
    .into()
}
