//! Many futures, a limited number at a time.

mod across;
mod backstay;
mod buffered;
mod futures;
mod tokio;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::items::{self, When, items};
use crate::one_thread;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
BOUNDED FAN-OUT: the sum of all outputs, at most so many futures at a time, in any order
  unordered    futures 0.3, buffer_unordered
  for_each     futures 0.3, for_each_concurrent
  buffered     futures-buffered 0.2, buffered_unordered
  JoinSet      tokio 1.x, a task each, the next when one is joined; on its current-thread runtime
  semaphore    tokio 1.x, a task each, spawned when there is a permit of tokio's; as above
  backstay     BoundedSet::over
  2thr         those who need no runtime: the wall's time for each future, and both threads spin; noisy",
    columns: &["unordered", "for_each", "buffered", "JoinSet", "semaphore", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait FanOut {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// The sum of their outputs.
    fn sum<F>(futures: impl ExactSizeIterator<Item = F>, limit: usize) -> impl Future<Output = u64>
    where
        F: Future<Output = u64> + Send + 'static;

    /// Where it runs.
    fn block_on(work: impl Future<Output = u64>) -> u64 {
        one_thread::block_on(work)
    }
}

/// So many futures with this limit.
#[derive(Clone, Copy, Debug)]
struct Job {
    futures: u64,
    limit: usize,
    when: When,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let futures = if size == Size::Quick { 10_000 } else { 100_000 };
    rows(futures)
}

/// The rows, with so many futures each.
pub fn rows(futures: u64) -> Vec<Work> {
    use When::{PendingOnce, Ready};
    [
        ("fan-out-32-ready", 32, Ready, 0.5),
        ("fan-out-32-pending", 32, PendingOnce, 1.0),
        ("fan-out-256-ready", 256, Ready, 0.5),
        ("fan-out-256-pending", 256, PendingOnce, 1.0),
        ("fan-out-4k-ready", 4_096, Ready, 0.5),
        ("fan-out-4k-pending", 4_096, PendingOnce, 1.0),
    ]
    .map(|(name, limit, when, at_most)| work(name, Job { futures, limit, when }, at_most))
    .into_iter()
    .chain([across(Job { futures: futures / 5, limit: 256, when: PendingOnce })])
    .collect()
}

fn across(job: Job) -> Work {
    let Job { futures, limit, .. } = job;
    Work {
        name: "fan-out-256-2thr",
        about: format!("{futures} futures, pending, and woken by another thread; at most {limit} at a time"),
        unit: "future",
        units: futures,
        answer: items::sum(futures),
        clock: Clock::Wall,
        goal: Some(Goal { of: Some(buffered::NAME), at_most: 1.0 }),
        ways: vec![
            across::way::<futures::Unordered>(job),
            across::way::<futures::ForEach>(job),
            across::way::<buffered::Buffered>(job),
            across::way::<backstay::Backstay>(job),
        ],
    }
}

fn work(name: &'static str, job: Job, at_most: f64) -> Work {
    let Job { futures, limit, when } = job;
    let kind = match when {
        When::Ready => "ready at the first poll",
        When::PendingOnce => "pending once, and woken at once",
    };
    Work {
        name,
        about: format!("{futures} futures, {kind}; at most {limit} at a time"),
        unit: "future",
        units: futures,
        answer: items::sum(futures),
        clock: Clock::Thread,
        goal: Some(Goal { of: Some(buffered::NAME), at_most }),
        ways: vec![
            way::<futures::Unordered>(job),
            way::<futures::ForEach>(job),
            way::<buffered::Buffered>(job),
            way::<tokio::JoinSet>(job),
            way::<tokio::Semaphore>(job),
            way::<backstay::Backstay>(job),
        ],
    }
}

fn way<J: FanOut>(job: Job) -> Way {
    Way { name: J::NAME, side: J::SIDE, run: Box::new(move |meter| run::<J>(job, meter)) }
}

fn run<J: FanOut>(Job { futures, limit, when }: Job, meter: Meter) -> Outcome {
    measured(meter, || J::block_on(J::sum(items(futures, when), limit)))
}
