//! Tasks that one place starts and joins.

mod backstay;
mod bare;
mod tokio;
mod tokio_util;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::current_thread;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
TASKS: the sum of what they give
  bare         tokio 1.x: spawned into a Vec of handles, which are awaited one after the other
  JoinSet      tokio 1.x: spawned into its set, and joined
  TaskTracker  tokio-util 0.7: spawned through it; handles in a Vec, and then waited for
  set          backstay, JoinSet
  backstay     scope: spawned in it; handles in a Vec, and then waited for",
    columns: &["bare", "JoinSet", "TaskTracker", "set", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Tasks {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// Starts a task for each number, and gives the sum of what the tasks give.
    fn sum(count: u64, how: How) -> impl Future<Output = u64>;
}

/// What a task does.
#[derive(Clone, Copy, Debug)]
enum How {
    Ready,
    Yields,
}

impl How {
    /// The work of one task: gives its number.
    async fn run(self, number: u64) -> u64 {
        if let Self::Yields = self {
            ::tokio::task::yield_now().await;
        }
        number
    }
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let (count, rounds) = if size == Size::Quick { (1_000, 10) } else { (10_000, 20) };
    rows(count, rounds)
}

/// The rows, with so many tasks each.
pub fn rows(count: u64, rounds: u64) -> Vec<Work> {
    [("tasks-ready", How::Ready), ("tasks-yields", How::Yields)]
        .map(|(name, how)| Work {
            name,
            about: format!(
                "{count} tasks, {}; rounds: {rounds}",
                match how {
                    How::Ready => "ready at their first poll",
                    How::Yields => "each yields once",
                }
            ),
            unit: "task",
            units: count * rounds,
            answer: count * (count - 1) / 2 * rounds,
            clock: Clock::Thread,
            goal: Some(Goal { of: Some(tokio::JoinSet::NAME), at_most: 1.0 }),
            ways: vec![
                way::<bare::Bare>(count, rounds, how),
                way::<tokio::JoinSet>(count, rounds, how),
                way::<tokio_util::TaskTracker>(count, rounds, how),
                way::<backstay::Set>(count, rounds, how),
                way::<backstay::Scope>(count, rounds, how),
            ],
        })
        .into()
}

fn way<T: Tasks>(count: u64, rounds: u64, how: How) -> Way {
    Way { name: T::NAME, side: T::SIDE, run: Box::new(move |meter| run::<T>(count, rounds, how, meter)) }
}

fn run<T: Tasks>(count: u64, rounds: u64, how: How, meter: Meter) -> Outcome {
    measured(meter, || {
        current_thread::block_on(async {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += T::sum(count, how).await;
            }
            sum
        })
    })
}
