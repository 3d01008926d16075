//! Tokens of cancellation, and trees of them.

mod backstay;
mod tokio_util;

use crate::bench::{Size, Table};
use crate::contest::{Goal, Side};
use crate::items::{self, When, items};
use crate::one_thread::{Flag, block_on};
use crate::two_threads::pairs;
use crate::work::{Clock, Outcome, Way, Work, measured};
use backstay_bench::sample::Meter;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The table.
pub const TABLE: Table = Table {
    heading: "\
TOKEN
  tokio-util   tokio-util 0.7, CancellationToken
  backstay     CancelToken
  tree         children are made below one token, it is cancelled, each child is asked, all are dropped
  waiters      each child is waited for, and the future polled again when it was woken
  2thr         two threads do it at once, of one token: the wall's time for what each of them does; noisy",
    columns: &["tokio-util", "backstay"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// A contestant.
trait Token {
    const NAME: &'static str;
    const SIDE: Side = Side::Peer;

    type Token: Clone + Sync;

    fn new() -> Self::Token;

    fn child(token: &Self::Token) -> Self::Token;

    fn cancel(token: &Self::Token);

    fn is_cancelled(token: &Self::Token) -> bool;

    fn cancelled(token: Self::Token) -> impl Future;

    /// The future's output, unless it was cut short.
    fn run(token: &Self::Token, work: items::Item) -> impl Future<Output: OutputOf>;
}

/// What `run` gives: an option here, a result there.
trait OutputOf {
    fn value(self) -> Option<u64>;
}

impl OutputOf for Option<u64> {
    fn value(self) -> Option<u64> {
        self
    }
}

impl<E> OutputOf for Result<u64, E> {
    fn value(self) -> Option<u64> {
        self.ok()
    }
}

#[derive(Clone, Copy, Debug)]
struct Job {
    what: What,
    // How many of `What` has a number, and how often in all.
    count: u64,
    rounds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Check,
    CheckOnTwoThreads,
    Clone,
    Child,
    Run(When),
    Tree,
    CancelAlone,
    Waiters,
    Chain,
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    let less = |full: u64| if size == Size::Quick { full / 10 } else { full };
    let goal = |at_most| Some(Goal { of: None, at_most });
    let once = |what, rounds| Job { what, count: 1, rounds };
    let of = |what, count| Job { what, count, rounds: (less(200_000) / count).max(1) };
    [
        ("token-check", once(What::Check, less(2_000_000)), goal(0.2)),
        ("token-check-2thr", once(What::CheckOnTwoThreads, less(200_000)), goal(0.02)),
        ("token-clone", once(What::Clone, less(500_000)), None),
        ("token-child", once(What::Child, less(500_000)), None),
        ("token-run-ready", once(What::Run(When::Ready), less(500_000)), None),
        ("token-run-pending", once(What::Run(When::PendingOnce), less(500_000)), None),
        ("tree-1", of(What::Tree, 1), None),
        ("tree-1k", of(What::Tree, 1_000), None),
        ("tree-100k", of(What::Tree, 100_000), goal(0.5)),
        ("cancel-100k", of(What::CancelAlone, 100_000), None),
        ("waiters-1", of(What::Waiters, 1), None),
        ("waiters-1k", of(What::Waiters, 1_000), None),
        ("waiters-100k", of(What::Waiters, 100_000), None),
        ("chain-10k", of(What::Chain, 10_000), None),
    ]
    .map(|(name, job, goal)| work(name, job, goal))
    .into()
}

fn work(name: &'static str, job: Job, goal: Option<Goal>) -> Work {
    let Job { what, count, rounds } = job;
    let (about, unit) = match what {
        What::Check => (format!("is_cancelled, {rounds} times"), "check"),
        What::CheckOnTwoThreads => (format!("is_cancelled, {rounds} times by each of two threads"), "check"),
        What::Clone => (format!("cloned and dropped, {rounds} times"), "clone"),
        What::Child => (format!("a child made and dropped, {rounds} times"), "child"),
        What::Run(When::Ready) => {
            (format!("a future run that is ready at its first poll, {rounds} times"), "run")
        }
        What::Run(When::PendingOnce) => (format!("a future run that is pending once, {rounds} times"), "run"),
        What::Tree => (format!("a tree with {count} children; rounds: {rounds}"), "child"),
        What::CancelAlone => (format!("only the cancelling of {count} children; rounds: {rounds}"), "child"),
        What::Waiters => (format!("a tree with {count} children and waiters; rounds: {rounds}"), "child"),
        What::Chain => (format!("a tree {count} deep, each the last one's child; rounds: {rounds}"), "child"),
    };
    let units = count * rounds;
    let answer = match what {
        What::Run(_) => items::sum(rounds),
        What::CheckOnTwoThreads => 2 * units,
        _ => units,
    };
    Work {
        name,
        about,
        unit,
        units,
        answer,
        clock: if what == What::CheckOnTwoThreads { Clock::Wall } else { Clock::Thread },
        goal,
        ways: vec![way::<tokio_util::TokioUtil>(job), way::<backstay::Backstay>(job)],
    }
}

fn way<T: Token>(job: Job) -> Way {
    Way { name: T::NAME, side: T::SIDE, run: Box::new(move |meter| run::<T>(job, meter)) }
}

fn run<T: Token>(Job { what, count, rounds }: Job, meter: Meter) -> Outcome {
    let token = T::new();
    match what {
        What::Check => measured(meter, || check_all::<T>(&token, rounds)),
        What::CheckOnTwoThreads => pairs(meter, T::new, |token| check_all::<T>(token, rounds)),
        What::Clone => measured(meter, || {
            (0..rounds).for_each(|_| drop(black_box(black_box(&token).clone())));
            rounds
        }),
        What::Child => measured(meter, || {
            (0..rounds).for_each(|_| drop(black_box(T::child(black_box(&token)))));
            rounds
        }),
        What::Run(when) => measured(meter, || {
            block_on(async {
                let mut sum = 0;
                for item in items(rounds, when) {
                    sum += T::run(&token, item).await.value().expect("it is not cancelled");
                }
                sum
            })
        }),
        What::Tree => measured(meter, || (0..rounds).map(|_| tree::<T>(count)).sum()),
        What::CancelAlone => {
            let outcomes = (0..rounds).map(|_| cancel_alone::<T>(count, meter));
            let none = Outcome { spent: 0, answer: 0 };
            outcomes.fold(none, |all, one| Outcome {
                spent: all.spent + one.spent,
                answer: all.answer + one.answer,
            })
        }
        What::Waiters => waiters::<T>(count, rounds, meter),
        What::Chain => measured(meter, || (0..rounds).map(|_| chain::<T>(count)).sum()),
    }
}

fn check_all<T: Token>(token: &T::Token, times: u64) -> u64 {
    (0..times).map(|_| u64::from(!T::is_cancelled(black_box(token)))).sum()
}

fn cancelled<T: Token>(children: &[T::Token]) -> u64 {
    children.iter().map(|child| u64::from(T::is_cancelled(child))).sum()
}

fn tree<T: Token>(count: u64) -> u64 {
    let root = T::new();
    let children: Vec<_> = (0..count).map(|_| T::child(&root)).collect();
    T::cancel(&root);
    cancelled::<T>(&children)
}

fn cancel_alone<T: Token>(count: u64, meter: Meter) -> Outcome {
    let root = T::new();
    let children: Vec<_> = (0..count).map(|_| T::child(&root)).collect();
    let outcome = measured(meter, || {
        T::cancel(&root);
        0
    });
    Outcome { answer: cancelled::<T>(&children), ..outcome }
}

fn chain<T: Token>(count: u64) -> u64 {
    let root = T::new();
    let mut tokens = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let child = T::child(tokens.last().unwrap_or(&root));
        tokens.push(child);
    }
    T::cancel(&root);
    cancelled::<T>(&tokens)
}

/// The futures' places are made before, and the token moves into its future, as it does into a task.
fn waiters<T: Token>(count: u64, rounds: u64, meter: Meter) -> Outcome {
    let woken = Arc::new(Flag::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut places: Vec<Pin<Box<Option<_>>>> = (0..count).map(|_| Box::pin(None)).collect();
    measured(meter, || {
        let mut cancelled = 0;
        for _ in 0..rounds {
            let root = T::new();
            for place in &mut places {
                place.set(Some(T::cancelled(T::child(&root))));
                assert!(poll(place, &mut context).is_pending(), "it is not cancelled");
            }
            T::cancel(&root);
            assert!(woken.take(), "they are woken");
            for place in &mut places {
                cancelled += u64::from(poll(place, &mut context).is_ready());
                place.set(None);
            }
        }
        cancelled
    })
}

fn poll<F: Future>(place: &mut Pin<Box<Option<F>>>, context: &mut Context<'_>) -> Poll<F::Output> {
    place.as_mut().as_pin_mut().expect("it was just put there").poll(context)
}
