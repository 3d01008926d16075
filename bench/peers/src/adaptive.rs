//! Limits on how many calls are under way that find their own size.

mod backstay;
mod fixed;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
ADAPTIVE LIMIT
  tokio        tokio 1.x, Semaphore: the floor, a number that is known and no clock
  tower        tower 0.5, ConcurrencyLimit: the same
  resilience   tower-resilience 0.13: Aimd, Vegas; it has no gradient
  backstay     AdaptiveLimit
  aimd, ..     a call that finds a place, is measured, and changes nothing: fewer than half are used
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["tokio", "tower", "resilience", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Aimd,
    Vegas,
    Gradient,
}

/// Where it begins: more than are ever taken.
const PLACES: usize = 16;

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 20_000 } else { 200_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    let ready = |name, algorithm| Job::new(name, algorithm, How::Ready, times);
    [
        ready("adaptive-aimd", Algorithm::Aimd).goal(tower_resilience::NAME, 0.5),
        ready("adaptive-vegas", Algorithm::Vegas).goal(tower_resilience::NAME, 0.5),
        ready("adaptive-gradient", Algorithm::Gradient),
        ready("adaptive-aimd-2thr", Algorithm::Aimd).on_two_threads(),
    ]
    .map(|job| {
        let mut ways =
            vec![job.way::<fixed::Tokio>(), job.way::<fixed::Tower>(), job.way::<backstay::Backstay>()];
        if job.setting != Algorithm::Gradient {
            ways.push(job.way::<tower_resilience::TowerResilience>());
        }
        job.work(ways)
    })
    .into()
}
