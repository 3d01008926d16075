//! The same work on two threads at once.

use crate::one_thread::Flag;
use crate::stopwatch::thread_nanoseconds;
use crate::work::Outcome;
use backstay_bench::sample::Meter;
use std::hint::spin_loop;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread;
use tokio::runtime::{Builder, Runtime};

/// How often a run does it; the least counts, since whatever else the machine does only adds.
const TIMES: usize = 7;

/// How many pairs of threads: short ones, of which some meet no third on a machine that is busy.
const PAIRS: usize = 25;

/// The best of several.
pub fn least(run: impl Fn() -> Outcome) -> Outcome {
    let outcomes = (0..TIMES).map(|_| run());
    outcomes.min_by_key(|outcome| outcome.spent).unwrap_or(Outcome { spent: 0, answer: 0 })
}

/// Lets two threads do `work` at once, several times; gives what the slower one took in the best of these pairs,
/// and what both counted in it. `start` makes what a pair shares.
///
/// Two threads of which one waits for a processor do not meet, and are fast. So only those pairs count in which
/// both ran nearly all of the time; if there is none, the one in which they ran the most.
pub fn pairs<S: Sync>(meter: Meter, start: impl Fn() -> S, work: impl Fn(&S) -> u64 + Sync) -> Outcome {
    let pairs: Vec<Pair> = (0..PAIRS).map(|_| Pair::run(meter, &start(), &work)).collect();
    let most = pairs.iter().map(|pair| pair.share).max().unwrap_or_default();
    let met = pairs.iter().filter(|pair| pair.share >= most.min(NEARLY_ALL));
    met.map(|pair| pair.outcome)
        .min_by_key(|outcome| outcome.spent)
        .unwrap_or(Outcome { spent: 0, answer: 0 })
}

/// Polls it whenever it was woken, until it is ready, and spins in between: it waits for the other thread.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let woken = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut work = pin!(work);
    loop {
        if let Poll::Ready(output) = work.as_mut().poll(&mut context) {
            return output;
        }
        // If the other one doesn't run, it is let run.
        (0..u32::MAX).find(|turn| {
            if turn % 1_000 == 999 {
                thread::yield_now();
            }
            spin_loop();
            woken.take()
        });
    }
}

/// Per cent.
const NEARLY_ALL: u64 = 90;

struct Pair {
    outcome: Outcome,
    // How much of the time both threads ran, in per cent.
    share: u64,
}

impl Pair {
    fn run<S: Sync>(meter: Meter, shared: &S, work: &(impl Fn(&S) -> u64 + Sync)) -> Self {
        let arrived = AtomicU32::new(0);
        let one = || {
            arrived.fetch_add(1, Ordering::AcqRel);
            while arrived.load(Ordering::Acquire) < 2 {
                spin_loop();
            }
            let (begin, worked) = (meter(), thread_nanoseconds());
            let answer = work(shared);
            One { begin, end: meter(), worked: thread_nanoseconds() - worked, answer }
        };
        let [first, second] = thread::scope(|scope| {
            let other = scope.spawn(one);
            [one(), other.join().expect("it does not panic")]
        });
        let spent = first.end.max(second.end) - first.begin.min(second.begin);
        Self {
            outcome: Outcome { spent, answer: first.answer + second.answer },
            share: first.worked.min(second.worked) * 100 / spent.max(1),
        }
    }
}

/// What one thread of a pair did.
struct One {
    begin: u64,
    end: u64,
    worked: u64,
    answer: u64,
}

/// tokio's multi-thread runtime with two workers, one for the process.
///
/// # Panics
///
/// If its threads can't be started.
pub fn workers() -> &'static Runtime {
    static WORKERS: OnceLock<Runtime> = OnceLock::new();
    let start = || {
        Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("threads can be started")
    };
    WORKERS.get_or_init(start)
}
