//! A limit on a rate for each key.

mod backstay;
mod governor;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::keys::Key;
use crate::work::{Way, Work};
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
KEYED LIMITER: one permit of a key's, and there is one; each key in turn, in a scrambled order
  governor     governor 0.10, its default: dashmap, and quanta's clock
  monotonic    governor 0.10, dashmap, with the system's monotonic clock
  hashmap      governor 0.10, one HashMap in a mutex, and quanta's clock
  backstay     KeyedRateLimiter, which forgets idle keys by itself
  read, given  as above
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["governor", "monotonic", "hashmap", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// Which keys, and whether ours is given the time.
#[derive(Clone, Copy, Debug)]
struct Setting {
    count: u64,
    are_strings: bool,
    is_given: bool,
}

/// As many permits for each key as nobody takes.
const BURST: u32 = 1_000_000;

/// After which time a key has one more: so that none is as good as new.
const EVERY: Duration = Duration::from_secs(60);

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 100_000 } else { 1_000_000 })
}

/// The rows, with so many permits each.
pub fn rows(times: u64) -> Vec<Work> {
    let of = |name, count, are_strings, is_given| {
        let setting = Setting { count, are_strings, is_given };
        // All keys are there before.
        Job::new(name, setting, How::Ready, times).after(How::Ready, count)
    };
    [
        of("keyed-1k-read", 1_000, false, false).goal(governor::NAME, 0.8),
        of("keyed-1k-given", 1_000, false, true).goal(governor::NAME, 0.8),
        of("keyed-100k-read", 100_000, false, false).goal(governor::NAME, 0.8),
        of("keyed-100k-given", 100_000, false, true).goal(governor::NAME, 0.8),
        of("string-1k-given", 1_000, true, true),
        of("string-100k-given", 100_000, true, true),
        of("keyed-1k-2thr", 1_000, false, true).on_two_threads().goal(governor::NAME, 0.8),
        of("keyed-100k-2thr", 100_000, false, true).on_two_threads().goal(governor::NAME, 0.8),
    ]
    .map(|job| {
        let ways = if job.setting.are_strings { ways::<String>(job) } else { ways::<u64>(job) };
        let what = if job.setting.are_strings { "strings of 16 bytes" } else { "numbers" };
        job.work_about(&format!("{} {what} for keys", job.setting.count), ways)
    })
    .into()
}

fn ways<K: Key>(job: Job<Setting>) -> Vec<Way> {
    vec![
        job.way::<governor::Dashmap<K>>(),
        job.way::<governor::Monotonic<K>>(),
        job.way::<governor::Hashmap<K>>(),
        job.way::<backstay::Backstay<K>>(),
    ]
}
