//! Policies around one another.

mod backstay;
mod by_hand;
mod tower;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
STACK
  by hand      tokio's timeout, around backon, around tokio's Semaphore, around recloser
  by hand-f    the same with failsafe, five consecutive failures
  tower        tower 0.5: timeout, retry, concurrency limit; it has no breaker
  resilience   tower-resilience 0.13: timeout, retry, breaker, bulkhead
  backstay     Pipeline of six: deadline, retry, rate limit, breaker, bulkhead, attempt timeout
  given        ours is given the time by who has read it
  open         the breaker is open
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["by hand", "by hand-f", "tower", "resilience", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// Whether ours is given the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    Read,
    Given,
}

const ATTEMPTS: u32 = 3;

const PLACES: usize = 16;

/// Of the whole call.
const LIMIT: Duration = Duration::from_secs(10);

/// How long the breaker is open: longer than a bench takes.
const OPEN: Duration = Duration::from_secs(3_600);

/// The calls that it counts.
const CALLS: u32 = 100;

const FAILURE_RATE: f32 = 0.5;

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 20_000 } else { 200_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    let filled = |name, setting, how| Job::new(name, setting, how, times).after(How::Ready, 200);
    [
        filled("stack-ready", Setting::Read, How::Ready).goal(by_hand::NAME, 0.55),
        filled("stack-given", Setting::Given, How::Ready).goal(by_hand::NAME, 0.3),
        filled("stack-pending", Setting::Read, How::PendingOnce).goal(tower::NAME, 0.8),
        Job::new("stack-open", Setting::Read, How::Uncalled, times).after(How::Failing, 200),
        filled("stack-ready-2thr", Setting::Read, How::Ready).on_two_threads().goal(by_hand::NAME, 0.5),
        filled("stack-given-2thr", Setting::Given, How::Ready).on_two_threads().goal(by_hand::NAME, 0.5),
    ]
    .map(|job| {
        let mut ways = vec![job.way::<by_hand::Recloser>(), job.way::<by_hand::Failsafe>()];
        if job.how != How::Uncalled {
            ways.push(job.way::<tower::Tower>());
        }
        ways.push(job.way::<tower_resilience::TowerResilience>());
        ways.push(job.way::<backstay::Backstay>());
        job.work(ways)
    })
    .into()
}
