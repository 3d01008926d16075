//! A limit on a rate that is kept in a store.

mod backstay;
mod governor;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
SHARED LIMITER: one permit, with the clock read
  governor     governor 0.10, direct: in no store; its default clock, which is quanta's
  monotonic    the same with the system's monotonic clock
  backstay     SharedRateLimiter, over its InMemoryStore
  local        RateLimiter: in no store
  turn         a permit waited for, and there is one
  lease        the same; ours takes ten from the store at a time
  refused      a permit tried for, and there is none
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["governor", "monotonic", "backstay", "local"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// What is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// To wait, where nobody has to.
    Turn,
    /// The same, by ours with a lease.
    Lease,
    /// To try, where there are none.
    Refused,
}

impl Setting {
    /// How many permits there are at first, and at most: more than are taken, or one that was taken before.
    const fn burst(self) -> u32 {
        if matches!(self, Self::Refused) { 1 } else { u32::MAX }
    }

    /// After which time there is one more.
    const fn every(self) -> Duration {
        if matches!(self, Self::Refused) { Duration::from_secs(3_600) } else { Duration::from_millis(1) }
    }
}

/// How many ours takes from the store at a time, where it does.
const LEASE: u32 = 10;

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many permits each.
pub fn rows(times: u64) -> Vec<Work> {
    // One before, so that its key is there.
    let of = |name, setting| Job::new(name, setting, How::Ready, times).after(How::Ready, 1);
    [
        of("shared-turn", Setting::Turn),
        of("shared-lease", Setting::Lease),
        Job::new("shared-refused", Setting::Refused, How::Uncalled, times).after(How::Ready, 1),
        of("shared-turn-2thr", Setting::Turn).on_two_threads(),
        of("shared-lease-2thr", Setting::Lease).on_two_threads(),
    ]
    .map(|job| {
        let about = match job.setting {
            Setting::Turn | Setting::Lease => "a permit waited for, and there is one",
            Setting::Refused => "a permit tried for, and there is none",
        };
        let ways = vec![
            job.way::<governor::Quanta>(),
            job.way::<governor::Monotonic>(),
            job.way::<backstay::Backstay>(),
            job.way::<backstay::Local>(),
        ];
        job.work_about(about, ways)
    })
    .into()
}
