//! Tasks that wait for a token, told to stop and waited for.

mod backstay;
mod tokio_util;

use crate::bench::{Size, Table};
use crate::contest::Side;
use crate::current_thread;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
SHUTDOWN: from the signal to the end of the last task; starting them is not counted
  TaskTracker  tokio-util 0.7, TaskTracker and CancellationToken
  backstay     Shutdown, with a report that has every task's name",
    columns: &["TaskTracker", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Stop {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    type Running;

    /// Starts so many tasks, which wait to be told.
    fn start(count: u64) -> Self::Running;

    /// Tells them, waits for all, and gives their number.
    fn stop(running: Self::Running) -> impl Future<Output = u64>;
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 1_000 } else { 10_000 })
}

/// The rows, with so many tasks each.
pub fn rows(count: u64) -> Vec<Work> {
    vec![Work {
        name: "shutdown",
        about: format!("{count} tasks that wait for a token"),
        unit: "task",
        units: count,
        answer: count,
        clock: Clock::Thread,
        goal: None,
        ways: vec![way::<tokio_util::TaskTracker>(count), way::<backstay::Backstay>(count)],
    }]
}

fn way<S: Stop>(count: u64) -> Way {
    Way { name: S::NAME, side: S::SIDE, run: Box::new(move |meter| run::<S>(count, meter)) }
}

fn run<S: Stop>(count: u64, meter: Meter) -> Outcome {
    let running = current_thread::block_on(async {
        let running = S::start(count);
        // Each of them waits.
        tokio::task::yield_now().await;
        running
    });
    measured(meter, || current_thread::block_on(S::stop(running)))
}
