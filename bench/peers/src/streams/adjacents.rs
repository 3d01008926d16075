//! Items beside the one before.

mod backstay;
mod futures;
mod tokio_stream;

use super::numbers::Numbers;
use crate::bench::{Size, Table};
use crate::contest::Side;
use crate::items::{self, When};
use crate::one_thread;
use crate::work::{Clock, Outcome, Way, Work, measured};
use ::futures::{Stream, StreamExt};
use backstay_bench::sample::Meter;
use std::pin::pin;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
ADJACENT: the sum of all pairs, or of all changes of what is told four times
  scan           futures 0.3, scan and filter_map
  filter         futures 0.3, filter_map or filter, whose closure keeps the item before
  tokio-stream   tokio-stream 0.1, the same with its filter_map and filter, which await nothing
  backstay       pairwise, distinct_until_changed, distinct_until_changed_by_key",
    columns: &["scan", "filter", "tokio-stream", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// How often each state is told.
const TOLD: u64 = 4;

/// The state that a number tells.
const fn state(number: &u64) -> u64 {
    *number / TOLD
}

/// A contestant.
trait Adjacent {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// Each number with the one before.
    fn pairs(numbers: Numbers) -> impl Stream<Item = (u64, u64)>;

    /// The states that differ from the one before.
    fn changes(states: impl Stream<Item = u64>) -> impl Stream<Item = u64>;

    /// The numbers whose [`state`] differs from that of the one before.
    fn changes_by_state(numbers: Numbers) -> impl Stream<Item = u64>;
}

#[derive(Clone, Copy, Debug)]
struct Job {
    of: Of,
    count: u64,
    when: When,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Pairs,
    Changes,
    ChangesByState,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 100_000 } else { 1_000_000 })
}

/// The rows, with so many items each.
pub fn rows(count: u64) -> Vec<Work> {
    use Of::{Changes, ChangesByState, Pairs};
    use When::{PendingOnce, Ready};
    [
        ("pairwise-ready", Pairs, Ready),
        ("pairwise-pending", Pairs, PendingOnce),
        ("distinct-ready", Changes, Ready),
        ("distinct-pending", Changes, PendingOnce),
        ("distinct-by-key-ready", ChangesByState, Ready),
        ("distinct-by-key-pending", ChangesByState, PendingOnce),
    ]
    .map(|(name, of, when)| work(name, Job { of, count, when }))
    .into()
}

fn work(name: &'static str, job: Job) -> Work {
    let Job { of, count, when } = job;
    let states = items::sum(count / TOLD);
    let (what, answer) = match of {
        // Of n numbers all but the last are the one before, and all but the first have one.
        Of::Pairs => ("each with the one before", 2 * items::sum(count) - (count - 1)),
        Of::Changes => ("those that differ from the one before, a quarter", states),
        Of::ChangesByState => {
            ("those whose key differs from that of the one before, a quarter", states * TOLD)
        }
    };
    let when = if when == When::Ready { "ready" } else { "pending" };
    Work {
        name,
        about: format!("{count} items, {when}; {what}"),
        unit: "item",
        units: count,
        answer,
        clock: Clock::Thread,
        goal: None,
        ways: vec![
            way::<futures::Scan>(job),
            way::<futures::Filter>(job),
            way::<tokio_stream::Filter>(job),
            way::<backstay::Backstay>(job),
        ],
    }
}

fn way<A: Adjacent>(job: Job) -> Way {
    Way { name: A::NAME, side: A::SIDE, run: Box::new(move |meter| run::<A>(job, meter)) }
}

fn run<A: Adjacent>(Job { of, count, when }: Job, meter: Meter) -> Outcome {
    let numbers = Numbers::new(count, when);
    measured(meter, || match of {
        Of::Pairs => sum(A::pairs(numbers).map(|(before, number)| before + number)),
        Of::Changes => sum(A::changes(numbers.map(|number| state(&number)))),
        Of::ChangesByState => sum(A::changes_by_state(numbers)),
    })
}

fn sum(numbers: impl Stream<Item = u64>) -> u64 {
    one_thread::block_on(async {
        let mut numbers = pin!(numbers);
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number;
        }
        sum
    })
}
