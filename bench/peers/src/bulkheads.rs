//! Limits on how many calls are under way.

mod async_lock;
mod backstay;
mod tokio;
mod tower;
mod tower_resilience;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::{Clock, Work};

/// The table.
pub const TABLE: Table = Table {
    heading: "\
BULKHEAD
  tokio        tokio 1.x, Semaphore, its borrowed permits
  owned        tokio 1.x, Semaphore, its owned permits
  async-lock   async-lock 3, Semaphore, its borrowed permits
  tower        tower 0.5, ConcurrencyLimit; where it is full, below LoadShed
  resilience   tower-resilience 0.13
  backstay     Bulkhead
  permit       one tried for and given back, and there is one; full: there is none
  call         a call that waits for its place, and there is one; full: it is refused; wall: by the wall's time
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["tokio", "owned", "async-lock", "tower", "resilience", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Permit,
    Call,
}

/// What is asked of it, and whether somebody else has all places.
#[derive(Clone, Copy, Debug)]
struct Setting {
    what: What,
    is_full: bool,
}

impl Setting {
    /// More than are ever taken, or one that is taken.
    const fn places(self) -> usize {
        if self.is_full { 1 } else { 16 }
    }
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 50_000 } else { 500_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    let free = |name, what| Job::new(name, Setting { what, is_full: false }, How::Ready, times);
    let full = |name, what| Job::new(name, Setting { what, is_full: true }, How::Uncalled, times);
    [
        free("bulkhead-permit", What::Permit).goal(tokio::NAME, 0.6),
        free("bulkhead-call", What::Call),
        full("permit-full", What::Permit),
        full("call-full", What::Call),
        Job { times: times / 2_500, ..full("call-full-wall", What::Call).by_the_wall() },
        free("bulkhead-permit-2thr", What::Permit).on_two_threads().goal(tokio::NAME, 0.7),
        free("bulkhead-call-2thr", What::Call).on_two_threads(),
        full("call-full-2thr", What::Call).on_two_threads(),
    ]
    .map(|job| {
        let mut ways = vec![job.way::<tokio::Borrowed>(), job.way::<tokio::Owned>()];
        ways.push(job.way::<async_lock::AsyncLock>());
        ways.push(job.way::<backstay::Backstay>());
        if job.setting.what == What::Permit {
            let about = if job.setting.is_full { "tried for in vain" } else { "taken and given back" };
            return job.work_about(about, ways);
        }
        ways.push(job.way::<tower::Tower>());
        // Its refusals take a millisecond.
        if !job.setting.is_full || job.clock == Clock::Wall && job.threads == 1 {
            ways.push(job.way::<tower_resilience::TowerResilience>());
        }
        job.work(ways)
    })
    .into()
}
