//! The first of two to eight futures.

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
  select       futures 0.3, the function select; of more than two, one in the other
  biased!      futures 0.3, select_biased!
  tokio        tokio 1.x, select!, in random order
  tokio-b      tokio 1.x, select! with biased
  backstay     select2, select3, select5, select8; rotated: with a Turn that is kept over all rounds",
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

    /// The output of the first that is ready.
    fn five(kept: &mut Self::Kept, signals: [Silent; 4], work: Item) -> impl Future<Output = u64>;

    /// The output of the first that is ready.
    fn eight(kept: &mut Self::Kept, signals: [Silent; 7], work: Item) -> impl Future<Output = u64>;
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
    Five,
    Eight,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let rounds = if size == Size::Quick { 100_000 } else { 1_000_000 };
    [
        ("race-2-ready", Of::Two, When::Ready),
        ("race-2-pending", Of::Two, When::PendingOnce),
        ("select-3-ready", Of::Three, When::Ready),
        ("select-3-pending", Of::Three, When::PendingOnce),
        ("select-5-ready", Of::Five, When::Ready),
        ("select-5-pending", Of::Five, When::PendingOnce),
        ("select-8-ready", Of::Eight, When::Ready),
        ("select-8-pending", Of::Eight, When::PendingOnce),
    ]
    .map(|(name, of, when)| work(name, Job { of, when, rounds }))
    .into()
}

fn work(name: &'static str, job: Job) -> Work {
    let of = match job.of {
        Of::Two => "two futures",
        Of::Three => "three futures",
        Of::Five => "five futures",
        Of::Eight => "eight futures",
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
    let run: Box<dyn Fn(Meter) -> Outcome> = match job.of {
        Of::Two => {
            let two = async |kept: &mut R::Kept, item| R::two(kept, silent(), item).await;
            Box::new(move |meter| run::<R>(job, meter, two))
        }
        Of::Three => {
            let three = async |kept: &mut R::Kept, item| R::three(kept, silent(), silent(), item).await;
            Box::new(move |meter| run::<R>(job, meter, three))
        }
        Of::Five => {
            let five = async |kept: &mut R::Kept, item| R::five(kept, signals(), item).await;
            Box::new(move |meter| run::<R>(job, meter, five))
        }
        Of::Eight => {
            let eight = async |kept: &mut R::Kept, item| R::eight(kept, signals(), item).await;
            Box::new(move |meter| run::<R>(job, meter, eight))
        }
    };
    Way { name: R::NAME, side: R::SIDE, run }
}

fn run<R: Race>(
    Job { when, rounds, .. }: Job,
    meter: Meter,
    race: impl AsyncFn(&mut R::Kept, Item) -> u64,
) -> Outcome {
    let mut kept = R::Kept::default();
    measured(meter, || {
        block_on(async {
            let mut sum = 0;
            for item in items(rounds, when) {
                sum += race(&mut kept, item).await;
            }
            sum
        })
    })
}

fn signals<const COUNT: usize>() -> [Silent; COUNT] {
    std::array::from_fn(|_| silent())
}
