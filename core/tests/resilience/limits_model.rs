//! A deadline, retries and a limit for each attempt, against a reckoning of what has to come of them and when.

use crate::kit::{ms, passed};
use backstay::testing::{Faults, Sim};
use backstay_core::Runtime;
use backstay_core::resilience::{
    AttemptTimeout, Backoff, Bulkhead, Cause, Error, Pipeline, Retry, Scope, Stop,
};
use backstay_core::time::{Deadline, Instant};
use proptest::prelude::*;
use std::time::Duration;

#[derive(Clone, Debug)]
struct Plan {
    /// Of the call and of the pipeline.
    within: Option<u64>,
    deadline: Option<u64>,
    attempt: Option<u64>,
    max_attempts: u32,
    delay: u64,
    /// Each attempt waits for so long in how many steps, and fails or not.
    attempts: Vec<(u64, u64, bool)>,
}

fn plans() -> impl Strategy<Value = Plan> {
    let limit = || prop::option::of(1..60_u64);
    let attempts = prop::collection::vec((0..30_u64, 1..4_u64, prop::bool::weighted(0.8)), 6);
    (limit(), limit(), limit(), 1..6_u32, 0..12_u64, attempts).prop_map(
        |(within, deadline, attempt, max_attempts, delay, attempts)| Plan {
            within,
            deadline,
            attempt,
            max_attempts,
            delay,
            attempts,
        },
    )
}

type Outcome = (Result<u32, Error<u32>>, u64);

/// What comes of it, and when.
fn reckoned(plan: &Plan) -> Outcome {
    let total = match (plan.within, plan.deadline) {
        (Some(within), Some(deadline)) => Some(within.min(deadline)),
        (within, deadline) => within.or(deadline),
    };
    let until = total.unwrap_or(u64::MAX);
    let total_limit = ms(total.unwrap_or(0));
    let (mut now, mut last) = (0, None);
    for number in 1.. {
        let (takes, _, fails) = plan.attempts[number as usize - 1];
        let own = plan.attempt.map_or(u64::MAX, |limit| now + limit);
        let end = now + takes;
        let exhausted = |last, why, at| {
            (Err(Error::RetriesExhausted { attempts: number, elapsed: ms(at), why, last }), at)
        };
        if end > until.min(own) && until <= own {
            return match last {
                Some(last) => exhausted(last, Stop::Deadline, until),
                None => (Err(Error::TimedOut { scope: Scope::Total, limit: total_limit }), until),
            };
        }
        let cause = if end > own {
            now = own;
            Cause::TimedOut { scope: Scope::Attempt, limit: ms(plan.attempt.unwrap()) }
        } else {
            now = end;
            if !fails {
                return (Ok(number), now);
            }
            Cause::Operation(number)
        };
        if number == plan.max_attempts {
            return exhausted(cause, Stop::MaxAttempts, now);
        }
        if now + plan.delay >= until {
            return exhausted(cause, Stop::Deadline, now);
        }
        now += plan.delay;
        last = Some(cause);
    }
    unreachable!("attempts end");
}

async fn run(rt: Sim, plan: Plan) -> Outcome {
    let start = rt.now();
    let backoff = if plan.delay == 0 { Backoff::none() } else { Backoff::constant(ms(plan.delay)) };
    let retry = Retry::builder().max_attempts(plan.max_attempts).backoff(backoff).build().unwrap();
    let long = |limit: Option<u64>| limit.map_or(Duration::MAX, ms);
    let bulkhead = Bulkhead::new(crate::kit::limit(1));
    let users = Pipeline::named("users")
        .deadline(long(plan.deadline))
        .retry(retry)
        .bulkhead(&bulkhead)
        .attempt_timeout(AttemptTimeout::new(long(plan.attempt)))
        .build(&rt)
        .unwrap();
    let op = async |attempt: backstay_core::resilience::Attempt| {
        let (takes, steps, fails) = plan.attempts[attempt.number() as usize - 1];
        let began = rt.now();
        for step in 1..=steps {
            rt.sleep_until(began + ms(takes * step / steps)).await;
        }
        if fails { Err(attempt.number()) } else { Ok(attempt.number()) }
    };
    let within = plan.within.map_or(Instant::MAX, |within| start + ms(within));
    let result = users.call(op).within(Deadline::at(within)).await;
    assert_eq!(bulkhead.in_flight(), 0);
    (result, u64::try_from((rt.now() - start).as_millis()).unwrap())
}

proptest! {
    #[test]
    fn limits_and_attempts_are_as_reckoned(plan in plans(), seed: u64, faults: bool) {
        let expected = reckoned(&plan);
        let mut sim = Sim::builder().seed(seed);
        if faults {
            sim = sim.faults(Faults::off().fresh_wakers().spurious_polls(0.3));
        }
        let outcome = passed(sim.run(|rt| run(rt, plan.clone()))).value;
        prop_assert_eq!(outcome, expected);
    }
}
