//! One run for all who ask for the same at the same time.

mod async_singleflight;
mod backstay;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
SINGLE FLIGHT: calls of a key, which is a number
  singleflight async_singleflight 0.6, UnaryGroup
  resilience   tower-resilience 0.13, coalesce
  backstay     SingleFlight
  alone        nobody else asks for the key
  64           64 calls of one key in one task, together: the first runs, the others get what it gets
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["singleflight", "resilience", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// How many ask for the same.
#[derive(Clone, Copy, Debug)]
struct Setting {
    together: u64,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 32_000 } else { 320_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    let of = |name, together, how| {
        // One before, so that the tables are there.
        let times = times.next_multiple_of(64);
        Job::new(name, Setting { together }, how, times).after(How::Ready, together)
    };
    [
        of("flight-alone", 1, How::Ready).goal(async_singleflight::NAME, 0.5),
        of("flight-alone-pending", 1, How::PendingOnce),
        of("flight-64", 64, How::PendingOnce).goal(async_singleflight::NAME, 0.5),
        of("flight-alone-2thr", 1, How::Ready).on_two_threads(),
    ]
    .map(|job| {
        job.work(vec![
            job.way::<async_singleflight::AsyncSingleflight>(),
            job.way::<tower_resilience::TowerResilience>(),
            job.way::<backstay::Backstay>(),
        ])
    })
    .into()
}
