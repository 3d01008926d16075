//! A pipeline that can be replaced while it is used.

mod backstay;
mod by_hand;

use crate::bench::{Size, Table};
use crate::calls::{How, Job};
use crate::work::Work;
use backstay_core::resilience::{
    AttemptTimeout, Bulkhead, BulkheadBuilder, CircuitBreaker, CircuitBreakerBuilder, Layered, Leaf,
    Pipeline, Retry, RetryBuilder,
};
use backstay_tokio::Tokio;
use std::time::Duration;

/// The table.
pub const TABLE: Table = Table {
    heading: "\
RELOAD: one pipeline of ours in all: retry, breaker, bulkhead, attempt timeout; nobody replaces it
  by hand      in an Arc in std's RwLock, cloned for each call
  backstay     in a Reloadable
  configured   ConfiguredPipeline of the same four
  pipeline     the pipeline itself, which can't be replaced: the floor
  2thr         two threads do it at once: the wall's time for what each of them does; noisy",
    columns: &["by hand", "backstay", "configured", "pipeline"],
    contests: |size| works(size).into_iter().map(Work::contest).collect(),
};

/// From the outside in.
type Four = Layered<Retry, Layered<CircuitBreaker, Layered<Bulkhead, Layered<AttemptTimeout, Leaf>>>>;

/// Everybody's.
type Piped = Pipeline<Tokio, Four>;

const LIMIT: Duration = Duration::from_secs(10);

fn retry() -> RetryBuilder {
    Retry::builder().max_attempts(3)
}

fn breaker() -> CircuitBreakerBuilder {
    CircuitBreaker::named("bench").failure_rate(0.5).count_window(100).min_calls(100)
}

fn bulkhead() -> BulkheadBuilder {
    Bulkhead::named("bench").max_in_flight(16).max_waiting(100)
}

fn pipeline(rt: &Tokio) -> Piped {
    Pipeline::named("bench")
        .retry(retry().build().expect("it is good"))
        .breaker(&breaker().build().expect("it is good"))
        .bulkhead(&bulkhead().build().expect("it is good"))
        .attempt_timeout(LIMIT)
        .build(rt)
        .expect("it is good")
}

/// The rows.
pub fn works(size: Size) -> Vec<Work> {
    rows(if size == Size::Quick { 20_000 } else { 200_000 })
}

/// The rows, with so many calls each.
pub fn rows(times: u64) -> Vec<Work> {
    let filled = |name| Job::new(name, (), How::Ready, times).after(How::Ready, 200);
    [filled("reload-ready").goal(by_hand::NAME, 1.1), filled("reload-ready-2thr").on_two_threads()]
        .map(|job| {
            job.work(vec![
                job.way::<by_hand::ByHand>(),
                job.way::<backstay::Backstay>(),
                job.way::<backstay::Configured>(),
                job.way::<backstay::Plain>(),
            ])
        })
        .into()
}
