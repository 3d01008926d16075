//! Circuit breakers.

mod backstay;
mod failsafe;
mod recloser;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
BREAKER
  recloser     recloser 1, a ring of the last 100 calls
  failsafe     failsafe 1, five consecutive failures
  failsafe-d   failsafe 1, its default: five consecutive failures, or the success rate of 30 s
  resilience   tower-resilience 0.13, a count window of 100 calls
  backstay     CircuitBreaker, a count window of 100 calls; timed: a time window of 30 s
  closed       the window is full of successes
  mixed        it has failures too, fewer than would open it
  open         it refuses
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["recloser", "failsafe", "failsafe-d", "resilience", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    Count,
    Time,
}

/// Calls, of which half may fail.
const CALLS: u32 = 100;

const FAILURE_RATE: f32 = 0.5;

const SPAN: Duration = Duration::from_secs(30);

/// How long it is open: longer than a bench takes.
const OPEN: Duration = Duration::from_secs(3_600);

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    let filled = |name, how| Job::new(name, Window::Count, how, times).after(How::Ready, 200);
    let open = |name| Job::new(name, Window::Count, How::Uncalled, times).after(How::Failing, 200);
    [
        filled("breaker-closed", How::Ready).goal(recloser::NAME, 0.4),
        filled("breaker-mixed", How::Mixed).goal(recloser::NAME, 1.0),
        Job::new("breaker-timed", Window::Time, How::Ready, times).goal(failsafe::DEFAULT, 0.6),
        open("breaker-open"),
        filled("breaker-closed-2thr", How::Ready).on_two_threads().goal(failsafe::NAME, 0.1),
        filled("breaker-mixed-2thr", How::Mixed).on_two_threads(),
        Job::new("breaker-timed-2thr", Window::Time, How::Ready, times).on_two_threads(),
        open("breaker-open-2thr").on_two_threads(),
    ]
    .map(|job| {
        let mut ways = vec![job.way::<failsafe::ByDefault>()];
        if job.setting == Window::Count {
            ways.push(job.way::<recloser::TheRecloser>());
            ways.push(job.way::<failsafe::Consecutive>());
            ways.push(job.way::<tower_resilience::TowerResilience>());
        }
        ways.push(job.way::<backstay::Backstay>());
        job.work(ways)
    })
    .into()
}
