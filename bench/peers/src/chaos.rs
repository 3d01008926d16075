//! Faults on purpose.

mod backstay;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
CHAOS
  resilience   tower-resilience 0.13, ChaosLayer, with a seed
  backstay     Chaos, with a seed
  rare         one call in a million millions fails, as good as none
  all          every call fails",
    columns: &["resilience", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    [
        Job::new("chaos-rare", 1e-12, How::Ready, times).goal(tower_resilience::NAME, 1.0),
        Job::new("chaos-all", 1.0, How::Failing, times).goal(tower_resilience::NAME, 1.0),
    ]
    .map(|job| {
        job.work(vec![job.way::<tower_resilience::TowerResilience>(), job.way::<backstay::Backstay>()])
    })
    .into()
}
