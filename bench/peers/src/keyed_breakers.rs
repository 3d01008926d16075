//! A circuit breaker for each key.

mod backstay;
mod recloser;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
KEYED BREAKER: a call by its key's, which is closed; each key in turn, in a scrambled order
  moka         recloser 1, in moka 0.12's cache, by get_with: bounded, and idle ones are evicted
  hashmap      recloser 1, in one HashMap in a mutex: any number, and for ever
  backstay     KeyedCircuitBreaker: bounded, and forgets idle keys by itself
  closed       a window of 100 calls; of 1,000 keys all are full of successes, of 100,000 each has had one call
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["moka", "hashmap", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// How many keys.
#[derive(Clone, Copy, Debug)]
struct Setting {
    count: u64,
}

impl Setting {
    /// How many are kept: more than there are, so that none makes room for another.
    const fn kept(self) -> u64 {
        2 * self.count
    }
}

/// Calls, of which half may fail.
const CALLS: u32 = 100;

const FAILURE_RATE: f32 = 0.5;

/// How long one is open.
const OPEN: Duration = Duration::from_secs(3_600);

/// How long one is kept that nobody asks for: longer than a run takes.
const IDLE: Duration = Duration::from_secs(600);

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    // All keys are there before.
    let of = |name, count| Job::new(name, Setting { count }, How::Ready, times).after(How::Ready, 100_000);
    [
        of("keyed-breaker-1k", 1_000).goal(recloser::MOKA, 0.8),
        of("keyed-breaker-100k", 100_000).goal(recloser::MOKA, 0.8),
        of("keyed-breaker-1k-2thr", 1_000).on_two_threads().goal(recloser::MOKA, 0.8),
        of("keyed-breaker-100k-2thr", 100_000).on_two_threads().goal(recloser::MOKA, 0.8),
    ]
    .map(|job| {
        let about = format!("{} numbers for keys, calls ready at the first poll", job.setting.count);
        let ways = vec![
            job.way::<recloser::Moka>(),
            job.way::<recloser::Hashmap>(),
            job.way::<backstay::Backstay>(),
        ];
        job.work_about(&about, ways)
    })
    .into()
}
