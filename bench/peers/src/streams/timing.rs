//! Operators over time, beside what is written by hand for them.
//!
//! | to see | look at |
//! |---|---|
//! | the contestants | one file each in the folder |

mod backstay;
mod tokio;
mod tokio_util;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::current_thread;
use crate::items::When;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;
use futures::Stream;
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
STREAMS AND TIME: the sum of what is given
  reset        tokio 1.x, select! of the stream and one sleep, which is reset with each item
  timeout      tokio 1.x, a timeout around each item
  DelayQueue   tokio-util 0.7, with a HashMap of what waits
  backstay     debounce, debounce_by_key, item_timeout",
    columns: &["reset", "timeout", "DelayQueue", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// What does not pass.
const LONG: Duration = Duration::from_secs(10);

/// What does.
const SHORT: Duration = Duration::from_millis(1);

/// A contestant, at one kind of work.
trait Operator {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    /// The sum of what is given of the numbers.
    fn sum(numbers: Numbers, job: Job) -> impl Future<Output = u64>;
}

/// Which numbers, and for how long none may come.
#[derive(Clone, Copy, Debug)]
struct Job {
    count: u64,
    when: When,
    keys: u64,
    quiet: Duration,
    // Whether the stream goes on, and how many are given then.
    given: Option<u64>,
}

impl Job {
    /// In a scrambled order, if there are more than one: by a prime that divides no round number.
    fn key(self, number: u64) -> u64 {
        number * 7_919 % self.keys
    }
}

/// The numbers from zero.
struct Numbers {
    next: u64,
    job: Job,
    is_pending: bool,
}

impl Numbers {
    fn new(job: Job) -> Self {
        Self { next: 0, job, is_pending: false }
    }
}

impl Stream for Numbers {
    type Item = u64;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        if self.next == self.job.count {
            return if self.job.given.is_some() { Poll::Pending } else { Poll::Ready(None) };
        }
        self.is_pending = !self.is_pending && self.job.when == When::PendingOnce;
        if self.is_pending {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let number = self.next;
        self.next += 1;
        Poll::Ready(Some(number))
    }
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 100_000 } else { 1_000_000 })
}

/// The rows, with so many items each.
pub fn rows(count: u64) -> Vec<Work> {
    use When::{PendingOnce, Ready};
    let all = Job { count, when: Ready, keys: 1, quiet: LONG, given: None };
    let pending = Job { when: PendingOnce, ..all };
    let keyed = Job { keys: count / 10, ..all };
    let quiet = Job { count: count / 10, quiet: SHORT, given: Some(count / 10), ..keyed };
    let last = |job: Job| (job.count - job.keys..job.count).sum();
    let sum = crate::items::sum(count);
    let debounce = || vec![way::<tokio::Reset>, way::<tokio::Restart>, way::<backstay::Debounce>];
    let by_key = || vec![way::<tokio_util::Queue>, way::<backstay::ByKey>];
    let timeout = || vec![way::<tokio::Timeout>, way::<backstay::ItemTimeout>];
    [
        ("debounce-ready", "the last of them is given", all, last(all), debounce(), Some(tokio::Reset::NAME)),
        (
            "debounce-pending",
            "the last of them is given",
            pending,
            last(pending),
            debounce(),
            Some(tokio::Reset::NAME),
        ),
        ("by-key-again", "the last of each key is given, at the end", keyed, last(keyed), by_key(), None),
        (
            "by-key-quiet",
            "each given when it has been quiet for a millisecond",
            quiet,
            last(quiet),
            by_key(),
            None,
        ),
        ("item-timeout-ready", "each within a limit", all, sum, timeout(), None),
        ("item-timeout-pending", "each within a limit", pending, sum, timeout(), None),
    ]
    .map(|(name, what, job, answer, ways, of)| Work {
        name,
        about: format!("{} items of {} keys, {what}", job.count, job.keys),
        unit: "item",
        units: job.count,
        answer,
        clock: Clock::Thread,
        goal: Some(Goal { of, at_most: 1.0 }),
        ways: ways.into_iter().map(|way| way(job)).collect(),
    })
    .into()
}

fn way<O: Operator>(job: Job) -> Way {
    Way { name: O::NAME, side: O::SIDE, run: Box::new(move |meter| run::<O>(job, meter)) }
}

fn run<O: Operator>(job: Job, meter: Meter) -> Outcome {
    // The compiler is not to know when they are ready.
    let job = Job { when: black_box(job.when), ..job };
    measured(meter, || current_thread::block_on(O::sum(Numbers::new(job), job)))
}
