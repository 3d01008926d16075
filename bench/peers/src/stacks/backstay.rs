//! backstay.

use super::{ATTEMPTS, CALLS, FAILURE_RATE, LIMIT, OPEN, PLACES, Setting};
use crate::calls::{Came, How, Policy, answer};
use crate::contest::Side;
use crate::current_thread;
use backstay_core::Runtime;
use backstay_core::resilience::{
    AttemptTimeout, Backoff, Bulkhead, CircuitBreaker, Layered, Leaf, Pipeline, Quota, RateLimiter, Retry,
    TotalTimeout,
};
use backstay_core::time::Instant;
use backstay_tokio::Tokio;
use std::hint::black_box;

/// From the outside in.
type Six = Layered<
    TotalTimeout,
    Layered<
        Retry,
        Layered<RateLimiter, Layered<CircuitBreaker, Layered<Bulkhead, Layered<AttemptTimeout, Leaf>>>>,
    >,
>;

pub(super) struct Backstay;

/// The pipeline, and a time, if it is given.
pub(super) struct Stacked {
    pipeline: Pipeline<Tokio, Six>,
    now: Option<Instant>,
}

impl Policy<Setting> for Backstay {
    const NAME: &'static str = "backstay";
    const SIDE: Side = Side::Ours;
    type Shared = Stacked;
    type Caller = ();

    fn shared(setting: Setting) -> Stacked {
        let rt = current_thread::backstay();
        // What fails here does so to open the breaker.
        let retry = Retry::builder().max_attempts(ATTEMPTS).backoff(Backoff::none()).build();
        let limiter = RateLimiter::new(Quota::per_second(1_000).burst(u32::MAX)).expect("it is good");
        let breaker = CircuitBreaker::named("bench")
            .failure_rate(FAILURE_RATE.into())
            .count_window(CALLS)
            .min_calls(CALLS)
            .open_for(OPEN)
            .build()
            .expect("it is good");
        let bulkhead = Bulkhead::named("bench").max_in_flight(PLACES).max_waiting(100).build();
        let pipeline = Pipeline::named("bench")
            .deadline(LIMIT)
            .retry(retry.expect("it is good"))
            .rate_limit(&limiter)
            .breaker(&breaker)
            .bulkhead(&bulkhead.expect("it is good"))
            .attempt_timeout(LIMIT / 2)
            .build(&rt)
            .expect("it is good");
        let now = (setting == Setting::Given).then(|| rt.now());
        Stacked { pipeline, now }
    }

    fn caller(_: &Stacked) {}

    async fn calls(Stacked { pipeline, now }: &Stacked, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        match now {
            None => {
                for (request, came) in how.requests(times) {
                    let result = pipeline.call(|_| answer(request)).await;
                    right += u64::from(came == Came::from(result));
                }
            }
            Some(now) => {
                for (request, came) in how.requests(times) {
                    let call = pipeline.call(|_| answer(request)).starting_at(black_box(*now));
                    right += u64::from(came == Came::from(call.await));
                }
            }
        }
        right
    }
}
