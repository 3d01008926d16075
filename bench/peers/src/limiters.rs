//! Limits on a rate.

mod governor;
mod leaky_bucket;
mod ratelimit;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
LIMITER: one permit
  governor     governor 0.10, its default clock, which is quanta's, of the processor's counter
  monotonic    governor 0.10, with the system's monotonic clock
  ratelimit    ratelimit 2
  leaky        leaky-bucket 1, not fair, which is the faster; it reads no clock while there are permits
  resilience   tower-resilience 0.13, around a call, its fixed window
  backstay     RateLimiter
  read         there are permits; ours reads the runtime's clock
  given        the same; ours is given the time by who has read it
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
    /// To wait, where nobody has to.
    Acquire,
    /// To try, where there are none.
    Refused,
}

/// As many permits as nobody takes; one more each second, which is none.
const PLENTY: u32 = u32::MAX;

impl Setting {
    /// How many permits there are. Of where there are none, the first was taken before.
    const fn burst(self) -> u32 {
        if matches!(self, Self::Refused) { 1 } else { PLENTY }
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
        free("limiter-acquire", Setting::Acquire),
        refused("limiter-refused"),
        free("limiter-read-2thr", Setting::Read).on_two_threads().goal(governor::MONOTONIC, 1.0),
        free("limiter-given-2thr", Setting::Given).on_two_threads().goal(governor::NAME, 0.8),
        refused("limiter-refused-2thr").on_two_threads(),
    ]
    .map(|job| {
        let mut ways = vec![job.way::<governor::Quanta>(), job.way::<governor::Monotonic>()];
        if job.setting != Setting::Acquire {
            ways.push(job.way::<ratelimit::RateLimit>());
        }
        ways.push(job.way::<leaky_bucket::LeakyBucket>());
        ways.push(job.way::<tower_resilience::TowerResilience>());
        let about = match job.setting {
            Setting::Read | Setting::Given => "a permit tried for, and there is one",
            Setting::Acquire => "a permit waited for, and there is one",
            Setting::Refused => "a permit tried for, and there is none",
        };
        job.work_about(about, ways)
    })
    .into()
}
