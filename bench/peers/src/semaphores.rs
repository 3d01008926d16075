//! A permit taken and given back.

mod async_lock;
mod backstay;
mod tokio;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::one_thread::{Flag, block_on};
use crate::two_threads::pairs;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;
use std::hint::{black_box, spin_loop};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The table.
pub const TABLE: Table = Table {
    heading: "\
SEMAPHORE: one permit taken and given back, borrowed
  tokio        tokio 1.x, outside of its runtime; strictly first come, first served
  async-lock   async-lock 3; who comes just as a permit is given back takes it before those who wait
  backstay     strictly first come, first served, also for try_acquire
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["tokio", "async-lock", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Permits {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    type Semaphore: Sync;

    /// What trying gives.
    type Tried<'a>;
    /// What acquiring gives; it holds a permit.
    type Acquired<'a>;

    fn new(permits: usize) -> Self::Semaphore;

    fn try_acquire(semaphore: &Self::Semaphore) -> Self::Tried<'_>;

    fn is_acquired(tried: &Self::Tried<'_>) -> bool;

    fn acquire(semaphore: &Self::Semaphore) -> impl Future<Output = Self::Acquired<'_>>;
}

/// What is done, so often; by each thread where there are two.
#[derive(Clone, Copy, Debug)]
struct Job {
    how: How,
    threads: u64,
    times: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Try,
    Acquire,
    Queued,
}

/// More than are ever taken, where nobody is to wait.
const FREE: usize = 16;

/// How many wait for one permit, on all threads together.
const WAITERS: u64 = 8;

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let times = if size == Size::Quick { 50_000 } else { 500_000 };
    rows(times)
}

/// The rows, with so many operations each.
pub fn rows(times: u64) -> Vec<Work> {
    let tokio = Some(tokio::NAME);
    [
        ("semaphore-try", How::Try, 1, Some(Goal { of: tokio, at_most: 0.6 })),
        ("semaphore-acquire", How::Acquire, 1, None),
        ("semaphore-queued", How::Queued, 1, None),
        ("semaphore-try-2thr", How::Try, 2, Some(Goal { of: tokio, at_most: 0.7 })),
        ("semaphore-acquire-2thr", How::Acquire, 2, None),
        ("semaphore-queued-2thr", How::Queued, 2, None),
    ]
    .map(|(name, how, threads, goal)| {
        // A pair of threads does it many times: see there.
        let times = if threads == 2 { times / 10 } else { times };
        work(name, Job { how, threads, times }, goal)
    })
    .into()
}

fn work(name: &'static str, job: Job, goal: Option<Goal>) -> Work {
    let Job { how, threads, times } = job;
    let how = match (how, threads) {
        (How::Try, _) => "try_acquire, and one is free",
        (How::Acquire, _) => "acquire, and one is free",
        (How::Queued, 1) => "one permit and 8 who wait: given back, taken by the first, who is last then",
        (How::Queued, _) => {
            "one permit and 8 who wait, 4 on each thread, which polls who was woken, and spins"
        }
    };
    let threads_say = if threads == 2 { " by each of two threads" } else { "" };
    Work {
        name,
        about: format!("{how}; {times} times{threads_say}"),
        unit: "permit",
        units: times,
        answer: times * threads,
        clock: if threads == 2 { Clock::Wall } else { Clock::Thread },
        goal,
        ways: vec![
            way::<tokio::Tokio>(job),
            way::<async_lock::AsyncLock>(job),
            way::<backstay::Backstay>(job),
        ],
    }
}

fn way<P: Permits>(job: Job) -> Way {
    Way { name: P::NAME, side: P::SIDE, run: Box::new(move |meter| run::<P>(job, meter)) }
}

fn run<P: Permits>(Job { how, threads, times }: Job, meter: Meter) -> Outcome {
    let two = threads == 2;
    match how {
        How::Try if two => pairs(meter, || P::new(FREE), |semaphore| try_all::<P>(semaphore, times)),
        How::Try => {
            let semaphore = P::new(FREE);
            measured(meter, || try_all::<P>(&semaphore, times))
        }
        How::Acquire if two => pairs(meter, || P::new(FREE), |semaphore| acquire_all::<P>(semaphore, times)),
        How::Acquire => {
            let semaphore = P::new(FREE);
            measured(meter, || acquire_all::<P>(&semaphore, times))
        }
        How::Queued if two => pairs(meter, || P::new(1), |semaphore| wait_spinning::<P>(semaphore, times)),
        How::Queued => queued::<P>(times, meter),
    }
}

fn try_all<P: Permits>(semaphore: &P::Semaphore, times: u64) -> u64 {
    let mut taken = 0;
    for _ in 0..times {
        let tried = P::try_acquire(black_box(semaphore));
        taken += u64::from(P::is_acquired(&tried));
    }
    taken
}

fn acquire_all<P: Permits>(semaphore: &P::Semaphore, times: u64) -> u64 {
    block_on(async {
        let mut taken = 0;
        for _ in 0..times {
            let permit = P::acquire(black_box(semaphore)).await;
            taken += 1;
            drop(permit);
        }
        taken
    })
}

/// Somebody who waits for a permit.
struct Waiter<F> {
    acquire: Pin<Box<Option<F>>>,
    woken: Arc<Flag>,
    waker: Waker,
}

impl<F: Future> Waiter<F> {
    fn new(acquire: F) -> Self {
        let woken = Arc::new(Flag::default());
        Self { acquire: Box::pin(Some(acquire)), waker: Waker::from(Arc::clone(&woken)), woken }
    }

    fn poll(&mut self) -> Poll<F::Output> {
        let acquire = self.acquire.as_mut().as_pin_mut().expect("it is there but for a moment");
        acquire.poll(&mut Context::from_waker(&self.waker))
    }

    fn again(&mut self, acquire: F) {
        self.acquire.set(Some(acquire));
    }
}

/// Drives those who wait by hand, so that no executor's time is counted.
fn queued<P: Permits>(times: u64, meter: Meter) -> Outcome {
    let semaphore = P::new(1);
    let mut held = Some(block_on(P::acquire(&semaphore)));
    let mut waiters: Vec<_> = (0..WAITERS).map(|_| Waiter::new(P::acquire(&semaphore))).collect();
    assert!(waiters.iter_mut().all(|waiter| waiter.poll().is_pending()), "one permit is held by one");
    measured(meter, || {
        let mut taken = 0;
        for turn in 0..times {
            let first = &mut waiters[(turn % WAITERS) as usize];
            held = None;
            assert!(first.woken.take(), "the first in the queue is woken");
            if let Poll::Ready(permit) = first.poll() {
                held = Some(permit);
                taken += 1;
            }
            first.again(P::acquire(&semaphore));
            assert!(first.poll().is_pending(), "somebody holds the permit");
        }
        taken
    })
}

/// Half of those who wait; the other thread has the other half.
fn wait_spinning<P: Permits>(semaphore: &P::Semaphore, times: u64) -> u64 {
    let mut waiters: Vec<_> = (0..WAITERS / 2).map(|_| Waiter::new(P::acquire(semaphore))).collect();
    waiters.iter().for_each(|waiter| waiter.waker.wake_by_ref());
    let mut taken = 0;
    loop {
        for waiter in &mut waiters {
            if !waiter.woken.take() {
                spin_loop();
                continue;
            }
            while let Poll::Ready(permit) = waiter.poll() {
                drop(permit);
                taken += 1;
                if taken == times {
                    return taken;
                }
                waiter.again(P::acquire(semaphore));
            }
        }
    }
}
