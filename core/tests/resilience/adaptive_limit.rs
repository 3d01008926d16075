//! The adaptive limit.

mod algorithms;
mod calls;
mod queue;
mod rows;
mod server;

use backstay_core::resilience::{AdaptiveAlgorithm, AdaptiveLimit, Aimd, Gradient, Vegas};
use backstay_core::time::Instant;
use std::time::Duration;

fn algorithms() -> [AdaptiveAlgorithm; 3] {
    [Aimd::new().into(), Vegas::new().into(), Gradient::new().into()]
}

fn limit(algorithm: impl Into<AdaptiveAlgorithm>, initial: usize) -> AdaptiveLimit {
    AdaptiveLimit::named("l").algorithm(algorithm).initial_limit(initial).build().expect("it is good")
}

/// So many calls at once that go well, all within the same time; gives when they have ended.
#[track_caller]
fn calls(limit: &AdaptiveLimit, count: usize, began: Instant, latency: Duration) -> Instant {
    let now = began + latency;
    let permits: Vec<_> = (0..count).map(|_| limit.try_acquire(began).expect("it is free")).collect();
    permits.into_iter().for_each(|permit| permit.success(now));
    now
}

/// Again and again as many calls as the limit lets in.
fn rounds(limit: &AdaptiveLimit, rounds: usize, began: Instant, latency: Duration) -> Instant {
    (0..rounds).fold(began, |now, _| calls(limit, limit.limit(), now, latency))
}
