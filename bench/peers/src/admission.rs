//! Calls that may be refused for how much there is to do.

mod backstay;
mod tower;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
ADMISSION
  tower        tower 0.5, LoadShed over a ConcurrencyLimit that has places
  backstay     throttle: Throttle; shed: LoadShed; nobody is refused
  call         it is let through
  mixed        it has failures too, fewer than would make it refuse
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["tower", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Throttle,
    LoadShed,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    let job = |name, what, how| Job::new(name, what, how, times);
    [
        job("throttle-call", What::Throttle, How::Ready),
        job("throttle-mixed", What::Throttle, How::Mixed),
        job("shed-call", What::LoadShed, How::Ready),
        job("throttle-call-2thr", What::Throttle, How::Ready).on_two_threads(),
        job("throttle-mixed-2thr", What::Throttle, How::Mixed).on_two_threads(),
        job("shed-call-2thr", What::LoadShed, How::Ready).on_two_threads(),
    ]
    .map(|job| job.work(vec![job.way::<tower::Tower>(), job.way::<backstay::Backstay>()]))
    .into()
}
