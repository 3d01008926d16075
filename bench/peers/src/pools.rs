//! Jobs and their outcomes, by so many workers.

mod backstay;
mod channel;
mod tokio;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::current_thread;
use crate::two_threads::{least, workers};
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
POOL: all jobs are submitted, and then their outcomes awaited
  channel      async-channel 2 with a worker task for each place, outcomes through futures' oneshot
  blocking     tokio 1.x, a spawn_blocking for each job; its threads are as many as it wants
  backstay     WorkerPool, with as many workers as the channel has
  pool-async   4 workers on one thread; the jobs are futures that are ready
  pool-block   2 workers; the jobs are short blocking functions: the wall's time, noisy",
    columns: &["channel", "blocking", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// How many jobs may be queued: those of a round.
const QUEUE: usize = 1_000;

/// A contestant.
trait Pool {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// Does a job for each number up to [`QUEUE`], by so many workers, and gives the sum of their outcomes.
    fn sum(workers: usize, how: How, rounds: u64) -> impl Future<Output = u64> + Send;
}

#[derive(Clone, Copy, Debug)]
enum How {
    Async,
    Blocking,
}

/// What a blocking job does: some hundred nanoseconds of work.
fn work(number: u64) -> u64 {
    (0..100).fold(number, |sum, n| std::hint::black_box(sum + n)) - 4950
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let rounds = if size == Size::Quick { 5 } else { 50 };
    let row = |name, how, ways, clock, goal| Work {
        name,
        about: format!("{QUEUE} jobs; rounds: {rounds}"),
        unit: "job",
        units: QUEUE as u64 * rounds,
        answer: (QUEUE as u64) * (QUEUE as u64 - 1) / 2 * rounds,
        clock,
        goal,
        ways: Vec::from_iter::<[fn(How, u64) -> Way; 2]>(ways)
            .into_iter()
            .map(|way| way(how, rounds))
            .collect(),
    };
    vec![
        row(
            "pool-async",
            How::Async,
            [way::<channel::Channel>, way::<backstay::Backstay>],
            Clock::Thread,
            None,
        ),
        row(
            "pool-block",
            How::Blocking,
            [way::<tokio::Blocking>, way::<backstay::Backstay>],
            Clock::Wall,
            Some(Goal { of: Some(tokio::Blocking::NAME), at_most: 1.0 }),
        ),
    ]
}

fn way<P: Pool>(how: How, rounds: u64) -> Way {
    Way { name: P::NAME, side: P::SIDE, run: Box::new(move |meter| run::<P>(how, rounds, meter)) }
}

fn run<P: Pool>(how: How, rounds: u64, meter: Meter) -> Outcome {
    match how {
        How::Async => measured(meter, || current_thread::block_on(P::sum(4, how, rounds))),
        How::Blocking => least(|| measured(meter, || workers().block_on(P::sum(2, how, rounds)))),
    }
}
