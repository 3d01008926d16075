//! The same work on two threads at once.

use crate::work::{Outcome, measured};
use backstay_bench::sample::Meter;
use std::sync::Barrier;
use std::thread;

/// How often a run does it; the least counts, since whatever else the machine does only adds.
const PAIRS: usize = 7;

/// Lets two threads do `work` at once, several times; gives what the slower one took in the best of these pairs,
/// and what both counted in it.
///
/// `start` makes what they share.
pub fn pairs<S: Sync>(
    meter: Meter,
    start: impl Fn() -> S,
    work: impl Fn(&S, Thread) -> u64 + Sync,
) -> Outcome {
    let outcomes = (0..PAIRS).map(|_| pair(meter, &start(), &work));
    outcomes.min_by_key(|outcome| outcome.spent).unwrap_or(Outcome { spent: 0, answer: 0 })
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// One.
    First,
    /// The other.
    Second,
}

fn pair<S: Sync>(meter: Meter, shared: &S, work: &(impl Fn(&S, Thread) -> u64 + Sync)) -> Outcome {
    let barrier = Barrier::new(2);
    let one = |thread| {
        barrier.wait();
        measured(meter, || work(shared, thread))
    };
    let [first, second] = thread::scope(|scope| {
        let other = scope.spawn(|| one(Thread::Second));
        [one(Thread::First), other.join().expect("it does not panic")]
    });
    Outcome { spent: first.spent.max(second.spent), answer: first.answer + second.answer }
}
