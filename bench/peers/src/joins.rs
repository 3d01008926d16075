//! Many futures in one: all outputs are waited for.

mod backstay;
mod buffered;
mod concurrency;
mod futures;
mod tokio;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::items::{self, When, items, one_by_one, waiting};
use crate::one_thread;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
JOIN: the sum of all outputs
  join_all     futures 0.3
  unordered    futures 0.3, FuturesUnordered
  buffered     futures-buffered 0.2, join_all
  concurrency  futures-concurrency 7, Vec::join
  JoinSet      tokio 1.x, spawned on its current-thread runtime; all others run in the root future
  backstay     join_all",
    columns: &["join_all", "unordered", "buffered", "concurrency", "JoinSet", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Join {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// The sum of their outputs.
    fn sum<F>(futures: impl ExactSizeIterator<Item = F>) -> impl Future<Output = u64>
    where
        F: Future<Output = u64> + Send + 'static;

    /// Where it runs.
    fn block_on(work: impl Future<Output = u64>) -> u64 {
        one_thread::block_on(work)
    }
}

/// So many futures, so often.
#[derive(Clone, Copy, Debug)]
struct Job {
    futures: u64,
    rounds: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    All(When),
    OneByOne,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    use When::{PendingOnce, Ready};
    let goal = |of, at_most| Some(Goal { of, at_most });
    let futures_buffered = Some(buffered::NAME);
    [
        ("join-10-ready", 10, Kind::All(Ready), goal(None, 1.0)),
        ("join-10-pending", 10, Kind::All(PendingOnce), goal(None, 1.0)),
        ("join-1k-ready", 1_000, Kind::All(Ready), goal(futures_buffered, 0.4)),
        ("join-1k-pending", 1_000, Kind::All(PendingOnce), goal(futures_buffered, 1.0)),
        ("join-100k-ready", 100_000, Kind::All(Ready), goal(None, 1.0)),
        ("join-100k-pending", 100_000, Kind::All(PendingOnce), goal(None, 1.0)),
        ("sparse-1k", 1_000, Kind::OneByOne, None),
        ("sparse-10k", 10_000, Kind::OneByOne, goal(futures_buffered, 1.0)),
    ]
    .map(|(name, futures, kind, goal)| {
        let all = if size == Size::Quick { 30_000 } else { 300_000 };
        work(name, Job { futures, rounds: (all / futures).max(1), kind }, goal)
    })
    .into()
}

fn work(name: &'static str, job: Job, goal: Option<Goal>) -> Work {
    let Job { futures, rounds, kind } = job;
    let kind = match kind {
        Kind::All(When::Ready) => "ready at the first poll",
        Kind::All(When::PendingOnce) => "pending once, and woken at once",
        Kind::OneByOne => "pending, and woken one by one in a scrambled order, each when the last has ended",
    };
    Work {
        name,
        about: format!("{futures} futures, {kind}; rounds: {rounds}"),
        unit: "future",
        units: futures * rounds,
        answer: items::sum(futures) * rounds,
        clock: Clock::Thread,
        goal,
        ways: vec![
            way::<futures::JoinAll>(job),
            way::<futures::Unordered>(job),
            way::<buffered::Buffered>(job),
            way::<concurrency::Concurrency>(job),
            way::<tokio::JoinSet>(job),
            way::<backstay::Backstay>(job),
        ],
    }
}

fn way<J: Join>(job: Job) -> Way {
    Way { name: J::NAME, side: J::SIDE, run: Box::new(move |meter| run::<J>(job, meter)) }
}

fn run<J: Join>(Job { futures, rounds, kind }: Job, meter: Meter) -> Outcome {
    measured(meter, || {
        J::block_on(async {
            let mut sum = 0;
            for _ in 0..rounds {
                sum += match kind {
                    Kind::All(when) => J::sum(items(futures, when)).await,
                    Kind::OneByOne => one_by_one(J::sum(waiting(futures))).await,
                };
            }
            sum
        })
    })
}
