//! The first of two or three futures.

mod backstay;
mod concurrency;
mod futures;
mod lite;
mod tokio;

use crate::bench::{Size, Table};
use crate::contest::Side;
use crate::items::{self, Item, Silent, When, items, silent};
use crate::one_thread::block_on;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
RACE: the output of whichever is ready, which is the last; the others are stop signals that don't come
  or           futures-lite 2, or
  concurrency  futures-concurrency 7, race of a tuple
  select       futures 0.3, the function select; of three, one in the other
  biased!      futures 0.3, select_biased!
  tokio        tokio 1.x, select!, in random order
  tokio-b      tokio 1.x, select! with biased
  backstay     select2, select3; rotated: with a Turn that is kept over all rounds",
    columns: &["or", "concurrency", "select", "biased!", "tokio", "tokio-b", "backstay", "rotated"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Race {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// What is kept from one round to the next.
    type Kept: Default;

    /// The output of the first that is ready.
    fn two(kept: &mut Self::Kept, signal: Silent, work: Item) -> impl Future<Output = u64>;

    /// The output of the first that is ready.
    fn three(kept: &mut Self::Kept, signal: Silent, other: Silent, work: Item) -> impl Future<Output = u64>;
}

#[derive(Clone, Copy, Debug)]
struct Job {
    of: Of,
    when: When,
    rounds: u64,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Two,
    Three,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let rounds = if size == Size::Quick { 100_000 } else { 1_000_000 };
    [
        ("race-2-ready", Of::Two, When::Ready),
        ("race-2-pending", Of::Two, When::PendingOnce),
        ("select-3-ready", Of::Three, When::Ready),
        ("select-3-pending", Of::Three, When::PendingOnce),
    ]
    .map(|(name, of, when)| work(name, Job { of, when, rounds }))
    .into()
}

fn work(name: &'static str, job: Job) -> Work {
    let of = match job.of {
        Of::Two => "two futures",
        Of::Three => "three futures",
    };
    let when = match job.when {
        When::Ready => "ready at its first poll",
        When::PendingOnce => "pending once, and woken at once",
    };
    Work {
        name,
        about: format!("{of}, the last {when}; {} times", job.rounds),
        unit: "race",
        units: job.rounds,
        answer: items::sum(job.rounds),
        clock: Clock::Thread,
        goal: None,
        ways: vec![
            way::<lite::Or>(job),
            way::<concurrency::Concurrency>(job),
            way::<futures::Select>(job),
            way::<futures::SelectBiased>(job),
            way::<tokio::Select>(job),
            way::<tokio::SelectBiased>(job),
            way::<backstay::Select>(job),
            way::<backstay::Rotated>(job),
        ],
    }
}

fn way<R: Race>(job: Job) -> Way {
    Way { name: R::NAME, side: R::SIDE, run: Box::new(move |meter| run::<R>(job, meter)) }
}

fn run<R: Race>(Job { of, when, rounds }: Job, meter: Meter) -> Outcome {
    let mut kept = R::Kept::default();
    measured(meter, || {
        block_on(async {
            let mut sum = 0;
            for item in items(rounds, when) {
                sum += match of {
                    Of::Two => R::two(&mut kept, silent(), item).await,
                    Of::Three => R::three(&mut kept, silent(), silent(), item).await,
                };
            }
            sum
        })
    })
}
