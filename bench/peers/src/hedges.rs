//! The operation once more, where the first call is slow.

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
HEDGE
  tokio        tokio 1.x, select! of the call and a sleep, and then of two calls: written by hand
  tower        tower 0.5, whose delay is a measured percentile
  resilience   tower-resilience 0.13, with a delay that is fixed
  backstay     Hedge, with a delay that is fixed
  percentile   Hedge, with one that is measured
  the call is over before its delay, as most are. Failures are not compared: tower returns the first, and
  tower-resilience waits for its delay all the same",
    columns: &["tokio", "tower", "resilience", "backstay", "percentile"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// The delay that doesn't pass.
const LONG: Duration = Duration::from_secs(10);

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    [
        Job::new("hedge-ready", LONG, How::Ready, times).goal(tower::NAME, 0.5),
        Job::new("hedge-pending", LONG, How::PendingOnce, times).goal(tower::NAME, 1.0),
    ]
    .map(|job| {
        let ways = vec![
            job.way::<tokio::Select>(),
            job.way::<tower::Tower>(),
            job.way::<tower_resilience::TowerResilience>(),
            job.way::<backstay::Backstay>(),
            job.way::<backstay::Percentile>(),
        ];
        job.work(ways)
    })
    .into()
}
