//! Limits on a rate.

mod backstay;
mod governor;
mod leaky_bucket;
mod ratelimit;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
LIMITER: one permit
  governor     governor 0.10, its default clock, which is quanta's, of the processor's counter
  monotonic    governor 0.10, with the system's monotonic clock
  ratelimit    ratelimit 2
  leaky        leaky-bucket 1, not fair, which is the faster; it reads no clock while there are permits, and
               loses them where two threads meet
  resilience   tower-resilience 0.13, around a call, its fixed window
  backstay     RateLimiter
  read         there are permits; ours reads the runtime's clock
  given        the same; ours is given the time by who has read it
  batched      the same; ours is a handle for each thread that takes sixteen at a time
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["governor", "monotonic", "ratelimit", "leaky", "resilience", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// What is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    /// To try, with the clock read.
    Read,
    /// To try, with the time given.
    Given,
    /// The same, by a handle of ours that takes sixteen at a time.
    Batched,
    /// To wait, where nobody has to.
    Acquire,
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

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 100_000 } else { 1_000_000 })
}

/// The rows, with so many permits each.
pub fn rows(times: u64) -> Vec<Work> {
    let free = |name, setting| Job::new(name, setting, How::Ready, times);
    let refused = |name| Job::new(name, Setting::Refused, How::Uncalled, times).after(How::Ready, 1);
    [
        free("limiter-read", Setting::Read).goal(governor::MONOTONIC, 0.95),
        free("limiter-given", Setting::Given).goal(governor::NAME, 0.8),
        free("limiter-batched", Setting::Batched),
        free("limiter-acquire", Setting::Acquire),
        refused("limiter-refused"),
        free("limiter-read-2thr", Setting::Read).on_two_threads().goal(governor::MONOTONIC, 1.0),
        free("limiter-given-2thr", Setting::Given).on_two_threads().goal(governor::NAME, 0.8),
        free("limiter-batched-2thr", Setting::Batched).on_two_threads().goal(governor::NAME, 0.15),
        refused("limiter-refused-2thr").on_two_threads(),
    ]
    .map(|job| {
        let mut ways = vec![job.way::<governor::Quanta>(), job.way::<governor::Monotonic>()];
        if job.setting != Setting::Acquire {
            ways.push(job.way::<ratelimit::RateLimit>());
        }
        // Two threads that meet take its state from each other, and all its permits are gone.
        if job.threads == 1 || job.setting == Setting::Refused {
            ways.push(job.way::<leaky_bucket::LeakyBucket>());
        }
        ways.push(job.way::<tower_resilience::TowerResilience>());
        ways.push(job.way::<backstay::Backstay>());
        let about = match job.setting {
            Setting::Read | Setting::Given | Setting::Batched => "a permit tried for, and there is one",
            Setting::Acquire => "a permit waited for, and there is one",
            Setting::Refused => "a permit tried for, and there is none",
        };
        job.work_about(about, ways)
    })
    .into()
}
