//! A policy that lets a call through allocates nothing: counted.
//!
//! A file of its own, for the allocator.

#![allow(unsafe_code)]

use backstay::testing::Sim;
use backstay_core::resilience::{
    AdaptiveAlgorithm, AdaptiveLimit, Aimd, Attempt, AttemptTimeout, Backoff, Bulkhead, Chaos,
    CircuitBreaker, ConfiguredPipeline, Error, Fallback, Gradient, Hedge, KeyedCircuitBreaker,
    KeyedRateLimiter, LastGood, LoadShed, Pipeline, PipelineConfig, Priority, Quota, RateLimiter, Reloadable,
    Retry, RetryBudget, ServiceLimit, SharedRateLimiter, SingleFlight, Throttle, Told, ToldQuota,
    TotalTimeout, Vegas,
};
use backstay_core::time::{Deadline, Instant};
use backstay_core::{Limit, Runtime};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The system's allocator, counting for each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on as it came to the system's allocator, which keeps the contract; the counter has no
// destructor and allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above, which is the system's.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const SECOND: Duration = Duration::from_secs(1);

/// How many allocations it makes, from the first time on.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A runtime whose clock stands still, to be used outside of it: where its own records are not counted.
fn on_a_clock(test: impl FnOnce(&backstay::tokio::Tokio)) {
    use backstay_core::{BlockOn, Config};
    let owner = backstay::tokio::TokioOwner::new(Config::new()).expect("it is good");
    test(owner.runtime());
}

#[test]
fn a_bulkhead_allocates_nothing() {
    on_a_clock(|rt| {
        let bulkhead = Bulkhead::named("b").max_in_flight(1).max_waiting(4).build().expect("it is good");
        let free = allocations(|| {
            drop(bulkhead.try_acquire());
            drop(bulkhead.try_acquire_owned());
            assert!(poll(pin!(bulkhead.acquire(rt))).is_ready());
            assert!(poll(pin!(bulkhead.acquire_owned(rt))).is_ready());
            assert!(poll(pin!(bulkhead.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
        });
        assert_eq!(free, 0);
        let nobody_waits = Bulkhead::new(Limit::ONE);
        let _place = nobody_waits.try_acquire().expect("it is free");
        let full = allocations(|| {
            drop(nobody_waits.try_acquire());
            assert!(poll(pin!(nobody_waits.acquire(rt))).is_ready());
            assert!(poll(pin!(nobody_waits.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
        });
        assert_eq!(full, 0, "a refusal");
    });
}

#[test]
fn an_adaptive_limit_allocates_nothing() {
    on_a_clock(|rt| {
        for algorithm in [Aimd::new().into(), Vegas::new().into(), AdaptiveAlgorithm::from(Gradient::new())] {
            let limit =
                AdaptiveLimit::named("l").algorithm(algorithm).initial_limit(2).max_waiting(4).build();
            let limit = limit.expect("it is good");
            let users = Pipeline::named("users").adaptive_limit(&limit).build(rt).expect("it is good");
            let mut now = rt.now();
            let free = allocations(|| {
                for _ in 0..1_000 {
                    limit.try_acquire(now).expect("it is free").success(now + SECOND);
                    limit.try_acquire_owned(now).expect("it is free").overloaded(now + SECOND);
                    assert!(poll(pin!(limit.acquire(rt))).is_ready());
                    assert!(poll(pin!(limit.acquire_owned(rt))).is_ready());
                    assert!(poll(pin!(limit.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
                    assert!(poll(pin!(users.call(async |_| Ok::<_, ()>(())))).is_ready());
                    now += SECOND;
                }
            });
            assert_eq!(free, 0, "{algorithm:?}");
        }
        let nobody_waits = AdaptiveLimit::named("l").initial_limit(1).build().expect("it is good");
        let _place = nobody_waits.try_acquire(rt.now()).expect("it is free");
        let full = allocations(|| {
            drop(nobody_waits.try_acquire(rt.now()));
            assert!(poll(pin!(nobody_waits.acquire(rt))).is_ready());
            assert!(poll(pin!(nobody_waits.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
        });
        assert_eq!(full, 0, "a refusal");
    });
}

#[test]
fn time_limits_and_fallbacks_allocate_nothing() {
    on_a_clock(|rt| {
        let bulkhead = Bulkhead::new(Limit::ONE);
        let users = Pipeline::named("users")
            .fallback(Fallback::value(1))
            .fallback(Fallback::operation(|_: &Error<()>| async { Ok(2) }))
            .deadline(SECOND)
            .bulkhead(&bulkhead)
            .attempt_timeout(SECOND)
            .build(rt)
            .expect("it is good");
        let deadline = Deadline::after(rt, SECOND);
        let ready = allocations(|| {
            for _ in 0..3 {
                assert!(poll(pin!(users.call(async |_| Ok(0)))).is_ready());
                assert!(poll(pin!(users.call(async |_| Err(())).within(deadline).detailed())).is_ready());
            }
            let late = Deadline::at(rt.now());
            assert!(poll(pin!(users.call(async |_| Ok(0)).within(late))).is_ready());
            assert!(poll(pin!(deadline.run(rt, std::future::ready(())))).is_ready());
        });
        assert_eq!(ready, 0);
        let graceful = allocations(|| {
            let timeout = AttemptTimeout::new(SECOND).grace(SECOND);
            assert!(poll(pin!(timeout.run(rt, async |_| Ok::<_, ()>(0)))).is_ready());
        });
        assert_eq!(graceful, 2, "the token of the attempt, as its documentation says");
        let total = TotalTimeout::new(SECOND);
        let plain = allocations(|| assert!(poll(pin!(total.run(rt, async |_| Ok::<_, ()>(0)))).is_ready()));
        assert_eq!(plain, 0);
    });
}

#[test]
fn retries_and_their_budgets_allocate_nothing() {
    on_a_clock(|rt| {
        let budgets = [
            RetryBudget::ratio(0.5).build().expect("it is good"),
            RetryBudget::token_bucket().build().expect("it is good"),
            RetryBudget::throttle(100, 0.1).expect("it is good"),
        ];
        for budget in budgets {
            let retry =
                Retry::builder().max_attempts(4).max_elapsed(SECOND).backoff(Backoff::none()).budget(&budget);
            let retry = retry.build().expect("it is good");
            let users = Pipeline::named("users").retry(retry.clone()).attempt_timeout(SECOND).build(rt);
            let users = users.expect("it is good");
            let fails_twice =
                |attempt: Attempt| std::future::ready(if attempt.number() < 3 { Err(()) } else { Ok(()) });
            let made = allocations(|| {
                assert!(poll(pin!(retry.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
                assert!(poll(pin!(retry.run(rt, fails_twice))).is_ready());
                assert!(poll(pin!(retry.run(rt, async |_| Err::<(), _>(())))).is_ready());
                assert!(poll(pin!(users.call(fails_twice))).is_ready());
            });
            assert_eq!(made, 0, "{budget:?}");
        }
    });
}

#[test]
fn a_hedge_allocates_what_it_keeps_and_a_fast_call_nothing() {
    on_a_clock(|rt| {
        let budget = RetryBudget::token_bucket().build().expect("it is good");
        let hedges = [
            Hedge::builder().delay(SECOND).budget(&budget).build().expect("it is good"),
            Hedge::builder().percentile(0.95).build().expect("it is good"),
        ];
        for hedge in hedges {
            let users = Pipeline::named("users").hedge(hedge.clone()).attempt_timeout(SECOND).build(rt);
            let users = users.expect("it is good");
            let fast = allocations(|| {
                for _ in 0..100 {
                    assert!(poll(pin!(hedge.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
                    assert!(poll(pin!(users.call(async |_| Ok::<_, ()>(())))).is_ready());
                }
            });
            assert_eq!(fast, 0, "{hedge:?}");
            let fails_once =
                |attempt: Attempt| std::future::ready(if attempt.is_hedge() { Ok(()) } else { Err(()) });
            let hedged = allocations(|| assert!(poll(pin!(users.call(fails_once))).is_ready()));
            assert_eq!(hedged, 2, "the hedge, and the list of them");
        }
    });
}

#[test]
fn a_call_of_a_pipeline_that_can_be_replaced_allocates_nothing() {
    on_a_clock(|rt| {
        let users = |limit| Pipeline::named("users").retry(Retry::default()).attempt_timeout(limit);
        let live = Reloadable::new(users(SECOND).build(rt).expect("it is good"));
        let call = || {
            for _ in 0..100 {
                assert!(poll(pin!(live.call(async |_| Ok::<_, ()>(())))).is_ready());
                assert!(poll(pin!(live.current().call(async |_| Ok::<_, ()>(())))).is_ready());
            }
        };
        assert_eq!(allocations(call), 0);
        let (made, before) = counted(|| live.reload(users(2 * SECOND)).expect("it is good"));
        assert_eq!((made, allocations(|| drop(before))), (1, 0), "the pipeline's own");
        assert_eq!(allocations(call), 0);
    });
}

#[test]
fn a_configured_pipeline_allocates_nothing() {
    on_a_clock(|rt| {
        let mut config = PipelineConfig::default();
        config.deadline = Some(SECOND.into());
        config.retry = Some(Retry::builder().as_config().clone());
        config.breaker = Some(CircuitBreaker::named("").into());
        config.bulkhead = Some(Bulkhead::named("").max_in_flight(1).into());
        config.adaptive_limit = Some(AdaptiveLimit::named("").into());
        config.hedge = Some(*Hedge::builder().delay(SECOND).as_config());
        config.attempt_timeout = Some(SECOND.into());
        for config in [PipelineConfig::default(), config] {
            let users = ConfiguredPipeline::named("users").config(config).build(rt).expect("it is good");
            let made = allocations(|| {
                for _ in 0..100 {
                    assert!(poll(pin!(users.call(async |_| Ok::<_, ()>(())))).is_ready());
                }
            });
            assert_eq!(made, 0);
        }
    });
}

#[test]
fn chaos_allocates_nothing() {
    on_a_clock(|rt| {
        let fault = Chaos::fault(|| ()).rate(0.5).seed(7).build().expect("it is good");
        let slow = Chaos::latency(SECOND).rate(0.0).enabled_if(|| true).build().expect("it is good");
        let first = Chaos::behavior(async || ()).rate(1.0).build().expect("it is good");
        let users = Pipeline::named("users").chaos(slow).chaos(first).chaos(fault).build(rt);
        let users = users.expect("it is good");
        let made = allocations(|| {
            for _ in 0..100 {
                assert!(poll(pin!(users.call(async |_| Ok(())))).is_ready());
            }
        });
        assert_eq!(made, 0);
    });
}

#[test]
fn a_circuit_breaker_allocates_nothing() {
    on_a_clock(|rt| {
        let named = CircuitBreaker::named;
        let builders = [
            named("consecutive").consecutive_failures(3),
            named("count"),
            named("time").time_window(10 * SECOND),
            named("slow").slow_call_duration(10 * SECOND).slow_call_rate(1.0),
        ];
        for builder in builders {
            let breaker = builder.build().expect("it is good");
            let pipeline = Pipeline::named("users").breaker(&breaker).build(rt).expect("it is good");
            let made = allocations(|| {
                for _ in 0..100 {
                    assert!(poll(pin!(breaker.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
                    assert!(poll(pin!(pipeline.call(async |_| Ok::<_, ()>(())))).is_ready());
                }
                // Nor do a failure and a refusal; an event would, where somebody is told.
                for _ in 0..100 {
                    assert!(poll(pin!(pipeline.call(async |_| Err::<(), _>(())))).is_ready());
                }
                let _ = breaker.call_blocking(|| Instant::ORIGIN, || Ok::<_, ()>(()));
                drop(breaker.try_acquire_owned(Instant::ORIGIN));
            });
            assert_eq!(made, 0, "{breaker:?}");
        }
    });
}

#[test]
fn changes_of_a_circuit_breaker_that_nobody_is_told_of_are_kept_nowhere() {
    let builder = CircuitBreaker::named("db").consecutive_failures(1).open_for(SECOND);
    let breaker = builder.build().expect("it is good");
    let mut now = Instant::ORIGIN;
    let made = allocations(|| {
        for _ in 0..1_000 {
            breaker.try_acquire(now).expect("it passes").failure(now);
            now += SECOND;
            breaker.try_acquire(now).expect("it passes").success(now);
        }
    });
    assert_eq!((made, breaker.metrics(now).openings), (0, 1_000));
}

#[test]
fn a_throttle_allocates_nothing() {
    on_a_clock(|rt| {
        let throttle = Throttle::named("db").build().expect("it is good");
        let pipeline = Pipeline::named("users").throttle(&throttle).build(rt).expect("it is good");
        let made = allocations(|| {
            for _ in 0..100 {
                assert!(poll(pin!(throttle.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
                assert!(poll(pin!(pipeline.call(async |_| Ok::<_, ()>(())))).is_ready());
            }
            // Nor do a failure and a refusal.
            for _ in 0..1_000 {
                assert!(poll(pin!(pipeline.call(async |_| Err::<(), _>(())))).is_ready());
            }
            let mut now = rt.now();
            for _ in 0..1_000 {
                now += SECOND;
                let _ = throttle.try_acquire(Priority::Sheddable, now, 0).map(|permit| permit.failure(now));
            }
            drop(throttle.try_acquire_owned(Priority::Critical, now, u64::MAX));
        });
        assert_eq!(made, 0);
        assert!(throttle.metrics(Priority::Sheddable, rt.now() + 1_000 * SECOND).refused > 0);
    });
}

#[test]
fn a_load_shedder_allocates_nothing() {
    on_a_clock(|rt| {
        let shed = LoadShed::named("orders").build().expect("it is good");
        let pipeline = Pipeline::named("orders").load_shed(&shed).build(rt).expect("it is good");
        let now = rt.now() + SECOND;
        let made = allocations(|| {
            for _ in 0..100 {
                assert!(poll(pin!(shed.run(rt, async |_| Ok::<_, ()>(())))).is_ready());
                assert!(poll(pin!(pipeline.call(async |_| Ok::<_, ()>(())))).is_ready());
            }
            for step in 0..1_000 {
                let now = now + Duration::from_millis(step);
                let _ = shed.admit(Instant::ORIGIN, Priority::Critical, now);
            }
        });
        assert_eq!(made, 0);
        assert!(shed.metrics(now).refused(Priority::Critical) > 0);
    });
}

#[test]
fn b19_a_time_window_keeps_no_call() {
    let builder = CircuitBreaker::named("db").time_window(Duration::from_millis(100)).failure_rate(1.0);
    let breaker = builder.build().expect("it is good");
    let mut now = Instant::ORIGIN;
    let made = allocations(|| {
        for _ in 0..1_000_000 {
            breaker.try_acquire(now).expect("it passes").success(now);
            now += Duration::from_micros(1);
        }
    });
    assert_eq!(made, 0);
}

/// As [`allocations`], with what the run gives.
fn counted<T>(run: impl FnOnce() -> T) -> (usize, T) {
    let mut result = None;
    let made = allocations(|| result = Some(run()));
    (made, result.expect("it has run"))
}

/// Allocations of the second run, and of a hundred more.
fn counted_warm(mut run: impl FnMut()) -> usize {
    run();
    allocations(|| (0..100).for_each(|_| run()))
}

/// On the sim, in its one task.
fn with_rt(test: impl Fn(&Sim) + Clone + Send + 'static) {
    let outcome = Sim::builder().run(move |rt: Sim| async move { test(&rt) });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn a_rate_limiter_allocates_nothing() {
    let limiter = RateLimiter::new(Quota::per_second(10).burst(5)).expect("a good quota");
    let tries = || (0..10).filter(|_| limiter.try_acquire(Instant::ORIGIN).is_ok()).count();
    assert_eq!(counted(tries), (0, 5), "from the first on, granted or refused");
    let mut batched = limiter.batched(backstay_core::Limit::MAX);
    assert_eq!(counted(|| batched.try_acquire(|| Instant::ORIGIN).is_ok()), (0, false));
    drop(batched);
    let strict = RateLimiter::new(Quota::strict(5, Duration::from_secs(1))).expect("a good quota");
    let tries = || (0..10).filter(|_| strict.try_acquire(Instant::ORIGIN).is_ok()).count();
    assert_eq!(counted(tries), (0, 5));
}

#[test]
fn a_call_under_a_rate_limiter_allocates_nothing() {
    with_rt(|rt| {
        let limiter = RateLimiter::new(Quota::per_second(10).burst(5)).expect("a good quota");
        let pipeline = Pipeline::named("test").rate_limit(&limiter).build(rt).expect("it is good");
        let ready = || {
            let alone = poll(pin!(limiter.run(rt, async |_| Ok::<_, Infallible>(()))));
            let stacked = poll(pin!(pipeline.call(async |_| Ok::<_, Infallible>(()))));
            let acquired = poll(pin!(limiter.acquire(rt)));
            alone.is_ready() && stacked.is_ready() && acquired.is_ready()
        };
        assert_eq!(counted(ready), (0, true));
        // Places in the queue are used again; the timer is the runtime's.
        let full = RateLimiter::new(Quota::per_hour(1)).expect("a good quota");
        let _permit = full.try_acquire(rt.now()).expect("there is one");
        let timer = counted_warm(|| assert!(poll(pin!(rt.sleep(Duration::from_secs(60)))).is_pending()));
        let waits = counted_warm(|| assert!(poll(pin!(full.acquire(rt))).is_pending()));
        assert!(waits <= timer, "{waits} beside the {timer} of a sleep");
    });
}

#[test]
fn a_keyed_rate_limiter_allocates_nothing_for_a_key_that_is_there() {
    with_rt(|rt| {
        let limiter =
            KeyedRateLimiter::<String>::new(rt, Quota::per_second(10).burst(5)).expect("a good quota");
        assert!(limiter.try_acquire("ann", Instant::ORIGIN).is_ok());
        let tries = || (0..10).filter(|_| limiter.try_acquire("ann", Instant::ORIGIN).is_ok()).count();
        assert_eq!(counted(tries), (0, 4));
    });
}

#[test]
fn a_keyed_breaker_allocates_nothing_for_a_key_that_is_there() {
    with_rt(|rt| {
        let each = CircuitBreaker::named("hosts");
        let hosts = KeyedCircuitBreaker::<String>::new(rt, each).expect("it is good");
        let call = || assert!(poll(pin!(hosts.run(rt, "db-1", async |_| Ok::<_, &str>(())))).is_ready());
        call();
        assert_eq!(counted(|| (0..100).for_each(|_| call())), (0, ()));
        // A new one: its key, its breaker, its window, and the first places of its shard.
        assert_eq!(counted(|| drop(hosts.of("db-2", rt.now()))).0, 4);
    });
}

#[test]
fn limits_of_others_allocate_nothing() {
    with_rt(|rt| {
        let limit = ServiceLimit::named("api").build().expect("it is good");
        let told = Told::new().quota(ToldQuota::of("minute").remaining(1_000_000).reset(SECOND));
        let asks = || limit.try_acquire(rt.now()).expect("there is more").told(&told, rt.now(), 0);
        assert_eq!(counted_warm(asks), 0, "of a quota that was spoken of before");
        let api = Pipeline::named("api").service_limit(&limit).build(rt).expect("it is good");
        assert_eq!(counted_warm(|| assert!(poll(pin!(api.call(async |_| Ok::<_, ()>(())))).is_ready())), 0);

        let shared = SharedRateLimiter::named("api").quota(Quota::per_second(1_000_000).burst(1_000_000));
        let shared = shared.build().expect("it is good");
        assert_eq!(counted_warm(|| assert!(poll(pin!(shared.acquire(rt))).is_ready())), 0);
        let api = Pipeline::named("api").rate_limit_shared(&shared).build(rt).expect("it is good");
        assert_eq!(counted_warm(|| assert!(poll(pin!(api.call(async |_| Ok::<_, ()>(())))).is_ready())), 0);
        let retry = Retry::builder().backoff(Backoff::none()).build().expect("it is good");
        let api =
            Pipeline::named("api").retry(retry).retry_budget_shared(&shared).build(rt).expect("it is good");
        let down = || assert!(poll(pin!(api.call(async |_| Err::<(), _>(())))).is_ready());
        assert_eq!(counted_warm(down), 0, "with two retries");
    });
}

#[test]
fn a_call_alone_in_its_flight_allocates_nothing() {
    with_rt(|rt| {
        let flights = SingleFlight::<u64, u64, ()>::new(rt);
        let alone = counted_warm(|| {
            assert!(poll(pin!(flights.run(7, async { Ok(1) }))).is_ready());
            // Nor does one that is dropped.
            assert!(poll(pin!(flights.run(7, std::future::pending()))).is_pending());
        });
        assert_eq!(alone, 0);
        // Of those who follow the first makes two, and the queue's grows.
        let of = |followers: usize| {
            let make = || Box::pin(flights.run(7, std::future::pending()));
            let mut calls: Vec<_> = (0..=followers).map(|_| make()).collect();
            let follow = || calls.iter_mut().for_each(|call| assert!(poll(call.as_mut()).is_pending()));
            allocations(follow)
        };
        assert_eq!([of(0), of(1), of(4), of(8)], [0, 2, 2, 3]);
    });
}

#[test]
fn the_last_good_value_is_an_allocation_and_no_more() {
    with_rt(|rt| {
        let last = LastGood::new(SECOND);
        let rates = Pipeline::named("rates").stale_if_error(&last).build(rt).expect("it is good");
        assert_eq!(
            allocations(|| assert!(poll(pin!(rates.call(async |_| Err::<u64, _>(())))).is_ready())),
            0
        );
        let good = counted_warm(|| assert!(poll(pin!(rates.call(async |_| Ok::<_, ()>(1)))).is_ready()));
        assert_eq!(good, 100);
        let stale = counted_warm(|| assert!(poll(pin!(rates.call(async |_| Err(())))).is_ready()));
        assert_eq!(stale, 0);
    });
}
