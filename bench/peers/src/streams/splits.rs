//! One stream as many.

mod backstay;
mod futures;
mod tokio;
mod tokio_stream;

use super::numbers::Numbers;
use crate::bench::{Size, Table};
use crate::contest::Side;
use crate::current_thread;
use crate::items::{self, When};
use crate::work::{Clock, Outcome, Way, Work, measured};
use ::futures::{Stream, StreamExt};
use backstay_bench::sample::Meter;
use std::pin::pin;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
SPLIT: the sum of the items of each group or window
  mpsc         futures 0.3: a HashMap of its channels, whose readers are in a for_each_concurrent beside it
  tasks        tokio 1.x: a HashMap of its channels, with a task for each reader
  take         futures 0.3: take of what is left of a peekable, as long as there is more
  chunks       futures 0.3: Vecs, by count alone
  timeout      tokio-stream 0.1, chunks_timeout: Vecs; looks at no clock while items are ready
  backstay     group_by with each_group, window",
    columns: &["mpsc", "tasks", "take", "chunks", "timeout", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// How many items of a group are kept for its reader.
const PLACES: usize = 16;

/// How many items a window has.
const SIZE: usize = 100;

/// How long a window of those rows may take.
const WITHIN: Duration = Duration::from_secs(10);

/// A contestant, at one kind of work.
trait Split {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// What the groups' [`total`]s come to, or the sums of the windows and how many those are.
    fn sum(numbers: Numbers, job: Job) -> impl Future<Output = u64>;
}

#[derive(Clone, Copy, Debug)]
struct Job {
    count: u64,
    when: When,
    keys: u64,
}

impl Job {
    /// In a scrambled order: by a prime that divides no round number.
    const fn key(self, number: u64) -> u64 {
        number * 7_919 % self.keys
    }
}

/// The sum of a group, times one more than its key, so that an item of another one shows; and one for the group.
async fn total(key: u64, numbers: impl Stream<Item = u64>) -> u64 {
    let mut numbers = pin!(numbers);
    let mut sum = 0;
    while let Some(number) = numbers.next().await {
        sum += number;
    }
    sum * (key + 1) + 1
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 100_000 } else { 1_000_000 })
}

/// The rows, with so many items each.
pub fn rows(count: u64) -> Vec<Work> {
    use When::{PendingOnce, Ready};
    [
        ("group-16-ready", 16, Ready),
        ("group-16-pending", 16, PendingOnce),
        ("group-1k-ready", 1_000, Ready),
        ("group-1k-pending", 1_000, PendingOnce),
    ]
    .map(|(name, keys, when)| groups(name, Job { count, when, keys }))
    .into_iter()
    .chain(
        [
            ("window-ready", Ready, false),
            ("window-pending", PendingOnce, false),
            ("window-timed-ready", Ready, true),
            ("window-timed-pending", PendingOnce, true),
        ]
        .map(|(name, when, is_timed)| windows(name, Job { count, when, keys: 1 }, is_timed)),
    )
    .collect()
}

fn groups(name: &'static str, job: Job) -> Work {
    let of_items: u64 = (0..job.count).map(|number| number * (job.key(number) + 1)).sum();
    let ways = vec![way::<futures::Mpsc>(job), way::<tokio::Tasks>(job), way::<backstay::Groups>(job)];
    work(name, job, format!("groups by {} keys", job.keys), of_items + job.keys, ways)
}

fn windows(name: &'static str, job: Job, is_timed: bool) -> Work {
    let (bounds, ways) = if is_timed {
        let ways = vec![way::<tokio_stream::ChunksTimeout>(job), way::<backstay::TimedWindows>(job)];
        ("a hundred, within ten seconds", ways)
    } else {
        let ways =
            vec![way::<futures::Take>(job), way::<futures::Chunks>(job), way::<backstay::Windows>(job)];
        ("a hundred", ways)
    };
    let answer = items::sum(job.count) + job.count / SIZE as u64;
    work(name, job, format!("windows of {bounds}"), answer, ways)
}

fn work(name: &'static str, job: Job, what: String, answer: u64, ways: Vec<Way>) -> Work {
    let when = if job.when == When::Ready { "ready" } else { "pending" };
    Work {
        name,
        about: format!("{} items, {when}; {what}", job.count),
        unit: "item",
        units: job.count,
        answer,
        clock: Clock::Thread,
        goal: None,
        ways,
    }
}

fn way<S: Split>(job: Job) -> Way {
    Way { name: S::NAME, side: S::SIDE, run: Box::new(move |meter| run::<S>(job, meter)) }
}

fn run<S: Split>(job: Job, meter: Meter) -> Outcome {
    measured(meter, || current_thread::block_on(S::sum(Numbers::new(job.count, job.when), job)))
}
