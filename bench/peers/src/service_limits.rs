//! Calls to a service that says how many it takes.

mod backstay;
mod by_hand;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
SERVICE LIMIT: the service has said how many calls are left, and until when
  by hand      what is left and its end in a mutex; calls under way are in nobody's account
  backstay     ServiceLimit
  told         each answer says it anew
  quiet        it was said once, and answers say nothing
  refused      none is left
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["by hand", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// What the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    Told,
    Quiet,
    Refused,
}

impl Setting {
    /// How many are left at first.
    const fn left(self) -> u64 {
        if matches!(self, Self::Refused) { 0 } else { LEFT }
    }
}

/// More than are made.
const LEFT: u64 = 1_000_000_000;

/// How long that holds: longer than a run takes.
const RESET: Duration = Duration::from_secs(3_600);

/// How many an answer says are left.
const fn left_after(number: u64) -> u64 {
    LEFT - number
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    // One before, so that the tables are there.
    let of = |name, setting| Job::new(name, setting, How::Ready, times).after(How::Ready, 1);
    [
        of("service-told", Setting::Told),
        of("service-quiet", Setting::Quiet),
        Job::new("service-refused", Setting::Refused, How::Uncalled, times),
        of("service-told-2thr", Setting::Told).on_two_threads(),
        of("service-quiet-2thr", Setting::Quiet).on_two_threads(),
    ]
    .map(|job| job.work(vec![job.way::<by_hand::ByHand>(), job.way::<backstay::Backstay>()]))
    .into()
}
