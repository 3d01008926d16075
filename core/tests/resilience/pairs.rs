//! Every policy around every other: wherever a call is cut, nothing is held, and the next call goes through.

use crate::kit::{ms, passed};
use backstay::testing::{Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    AdaptiveLimit, Attempt, AttemptTimeout, Backoff, Bulkhead, Chaos, CircuitBreaker, DynPipeline, Error,
    Fallback, Hedge, LoadShed, Pipeline, Priority, Quota, RateLimiter, Retry, RetryBudget, Throttle,
};
use std::time::Duration;

/// A call of each has to wait: the bulkhead and the adaptive limit are full, the limiter used up, and the breaker about to try one call.
#[derive(Clone)]
struct Policies {
    retry: Retry,
    budget: RetryBudget,
    limiter: RateLimiter,
    breaker: CircuitBreaker,
    bulkhead: Bulkhead,
    throttle: Throttle,
    load_shed: LoadShed,
    limit: AdaptiveLimit,
}

const RETRIES: u64 = 100;

/// The outer policy is of the one set and the inner of the other.
async fn policies(rt: &Sim) -> [Policies; 2] {
    let sets = [0; 2].map(|_| set(rt));
    rt.sleep(ms(5)).await;
    for set in &sets {
        drop(set.limiter.try_acquire(rt.now()).expect("it is there"));
    }
    sets
}

fn set(rt: &Sim) -> Policies {
    let budget = RetryBudget::token_bucket().build().expect("it is good");
    let retry = Retry::builder().max_attempts(3).backoff(Backoff::constant(ms(2))).budget(&budget);
    let limiter = RateLimiter::new(Quota::new(1, ms(5))).expect("it is good");
    let breaker = CircuitBreaker::named("db").consecutive_failures(1).open_for(ms(5));
    let breaker = breaker.build().expect("it is good");
    let bulkhead = Bulkhead::named("db").max_in_flight(1).max_waiting(4).build().expect("it is good");
    let limit = AdaptiveLimit::named("db").initial_limit(1).max_limit(1).max_waiting(4);
    let limit = limit.build().expect("it is good");
    breaker.try_acquire(rt.now()).expect("it is closed").failure(rt.now());
    let throttle = Throttle::named("db").build().expect("it is good");
    let load_shed = LoadShed::named("db").build().expect("it is good");
    let retry = retry.build().expect("it is good");
    Policies { retry, budget, limiter, breaker, bulkhead, limit, throttle, load_shed }
}

macro_rules! no_handle {
    ($policies:ident, $builder:expr) => {{
        let _ = $policies;
        $builder
    }};
}

macro_rules! add {
    (fallback, $builder:expr, $policies:ident) => {
        no_handle!($policies, $builder).fallback(Fallback::operation(|error: &Error<&'static str>| {
            let why = error.operation().copied();
            async move { why.map_or(Ok(0), Err) }
        }))
    };
    (deadline, $builder:expr, $policies:ident) => {
        no_handle!($policies, $builder).deadline(ms(500))
    };
    (load_shed, $builder:expr, $policies:ident) => {
        $builder.load_shed(&$policies.load_shed)
    };
    (throttle, $builder:expr, $policies:ident) => {
        $builder.throttle(&$policies.throttle)
    };
    (retry, $builder:expr, $policies:ident) => {
        $builder.retry($policies.retry.clone())
    };
    (hedge, $builder:expr, $policies:ident) => {
        no_handle!($policies, $builder)
            .hedge(Hedge::builder().max_hedges(2).delay(Duration::ZERO).build().expect("it is good"))
    };
    (chaos, $builder:expr, $policies:ident) => {
        no_handle!($policies, $builder)
            .chaos(Chaos::latency(ms(1)).rate(0.5).seed(7).build().expect("it is good"))
    };
    (rate_limit, $builder:expr, $policies:ident) => {
        $builder.rate_limit(&$policies.limiter)
    };
    (breaker, $builder:expr, $policies:ident) => {
        $builder.breaker(&$policies.breaker)
    };
    (bulkhead, $builder:expr, $policies:ident) => {
        $builder.bulkhead(&$policies.bulkhead)
    };
    (adaptive_limit, $builder:expr, $policies:ident) => {
        $builder.adaptive_limit(&$policies.limit)
    };
    (attempt_timeout, $builder:expr, $policies:ident) => {
        no_handle!($policies, $builder).attempt_timeout(AttemptTimeout::new(ms(50)).grace(ms(10)))
    };
}

macro_rules! around_each {
    ($($outer:ident)*) => {$(
        #[test]
        fn $outer() {
            inside!($outer: fallback deadline load_shed throttle retry hedge rate_limit breaker bulkhead adaptive_limit attempt_timeout chaos);
        }
    )*};
}

macro_rules! inside {
    ($outer:ident: $($inner:ident)*) => {
        let pipelines: &[fn(&Sim, &[Policies; 2]) -> DynPipeline<u32, &'static str>] = &[$(|rt, [outer, inner]| {
            let builder = add!($outer, Pipeline::named(stringify!($inner)), outer);
            add!($inner, builder, inner).build(rt).expect("it is good").erase()
        }),*];
        pipelines.iter().for_each(|pipeline| sweep(pipeline));
    };
}

around_each! { fallback deadline load_shed throttle retry hedge rate_limit breaker bulkhead adaptive_limit attempt_timeout chaos }

fn sweep(pipeline: impl Fn(&Sim, &[Policies; 2]) -> DynPipeline<u32, &'static str>) {
    let tracker = Tracker::new();
    let scenario = |rt: Sim, subject: Subject| {
        let (tracker, pipeline) = (tracker.clone(), &pipeline);
        async move {
            let policies = policies(&rt).await;
            let pipeline = pipeline(&rt, &policies);
            let other = rt.spawn({
                let (rt, [outer, inner]) = (rt.clone(), policies.clone());
                async move {
                    let _outer = outer.bulkhead.acquire(&rt).await.expect("it is open");
                    let _inner = inner.bulkhead.acquire(&rt).await.expect("it is open");
                    let _outer = outer.limit.acquire(&rt).await.expect("there is time");
                    let _inner = inner.limit.acquire(&rt).await.expect("there is time");
                    rt.sleep(ms(3)).await;
                }
            });
            rt.yield_now().await;
            let call = {
                let (rt, pipeline) = (rt.clone(), pipeline.clone());
                async move {
                    let op = |attempt: Attempt| {
                        let (rt, value) = (&rt, tracker.track(()));
                        async move {
                            rt.sleep(ms(1)).await;
                            drop(value);
                            if attempt.number() == 1 { Err("down") } else { Ok(attempt.number()) }
                        }
                    };
                    pipeline.call(op).await
                }
            };
            subject.spawn(&rt, call).await;
            other.await.expect("no panic");
            (policies, pipeline)
        }
    };
    let check = |rt: Sim, (policies, pipeline): ([Policies; 2], DynPipeline<u32, &'static str>)| async move {
        let holds_nothing = |Policies { limiter, bulkhead, limit, .. }: &Policies| {
            assert_eq!((bulkhead.in_flight(), bulkhead.waiting(), limiter.waiting()), (0, 0, 0));
            assert_eq!((limit.in_flight(), limit.waiting()), (0, 0));
        };
        policies.iter().for_each(holds_nothing);
        policies.iter().for_each(|set| assert_eq!(set.budget.available(rt.now()), RETRIES));
        // Once for each attempt at most.
        for Policies { throttle, load_shed, .. } in &policies {
            assert!(throttle.metrics(Priority::Critical, rt.now()).requests() <= 3);
            assert!(load_shed.metrics(rt.now()).admitted(Priority::Critical) <= 3);
        }
        rt.sleep(Duration::from_secs(1)).await;
        for Policies { breaker, limiter, .. } in &policies {
            assert!(breaker.would_permit(rt.now()) && limiter.available(rt.now()) == 1);
        }
        assert_eq!(pipeline.call(async |_| Ok(7)).await, Ok(7));
        policies.iter().for_each(holds_nothing);
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 2);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
    tracker.assert_none_alive();
}
