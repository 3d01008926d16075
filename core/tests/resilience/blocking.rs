//! Policies on a thread that blocks: the same decisions as in async code, and the same queues.

use crate::by_hand::ByHand;
use crate::kit::{at, limit, ms, on_sim, passed, secs, sim};
use backstay::testing::Sim;
use backstay_core::resilience::{
    Attempt, Backoff, Blocking, Bulkhead, Classify, Error, Hedge, Jitter, Pipeline, Priority, Quota,
    RateLimiter, Reason, Retry, RetryBudget, Stop, Throttle, Verdict,
};
use backstay_core::task::CancelToken;
use backstay_core::time::Instant;
use backstay_core::{BlockOn, Config, Runtime};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What an attempt comes to, and how long it takes.
#[derive(Clone, Copy, Debug)]
struct Step {
    took: Duration,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Works,
    Fails,
    Asks(Duration),
    Hopeless,
}

#[derive(Clone)]
struct ByOutcome;

impl Classify<u32, Outcome> for ByOutcome {
    fn classify(&self, result: Result<&u32, &Error<Outcome>>) -> Verdict {
        match result {
            Ok(_) => Verdict::Success,
            Err(Error::Operation(Outcome::Asks(delay))) => Verdict::failure().after(*delay),
            Err(Error::Operation(Outcome::Hopeless)) => Verdict::Fatal,
            Err(error) => Verdict::of_error(error),
        }
    }
}

fn result(number: u32, outcome: Outcome) -> Result<u32, Outcome> {
    if outcome == Outcome::Works { Ok(number) } else { Err(outcome) }
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        1 => Just(Outcome::Works),
        6 => Just(Outcome::Fails),
        2 => (0..300_u64).prop_map(|delay| Outcome::Asks(ms(delay))),
        1 => Just(Outcome::Hopeless),
    ];
    (0..50_u64, outcome).prop_map(|(took, outcome)| Step { took: ms(took), outcome })
}

#[test]
fn a_budget_hears_of_a_call_when_it_has_ended() {
    let rt = ByHand::new();
    let budget = RetryBudget::ratio(1.0).window(secs(1)).min_per_second(0).build().unwrap();
    let retry = Retry::builder().budget(&budget).build().unwrap();
    let works = retry.run_blocking(&rt, |_| {
        rt.pass(ms(600));
        Ok::<_, ()>(())
    });
    assert_eq!(works, Ok(()));
    rt.pass(ms(500));
    assert_eq!(budget.available(rt.now()), 1, "that was half a second ago");
}

#[test]
fn a_throttle_hears_of_a_call_when_it_has_ended() {
    let rt = ByHand::new();
    let throttle = Throttle::named("db").window(secs(1)).build().unwrap();
    // It reads the clock as a call begins, once anything has failed.
    throttle.try_acquire(Priority::Critical, rt.now(), 0).unwrap().failure(rt.now());
    let db = Pipeline::named("db").throttle(&throttle).build(&rt).unwrap();
    let fails = Blocking(|_: Attempt| {
        rt.pass(ms(900));
        Err::<(), _>("down")
    });
    assert_eq!(rt.block_thread(db.call_operation(fails)), Err(Error::Operation("down")));
    rt.pass(ms(200));
    assert_eq!(throttle.metrics(Priority::Critical, rt.now()).failed, 1, "that was a fifth of a second ago");
}

#[test]
fn a_hedge_learns_how_long_a_call_blocks() {
    let rt = ByHand::new();
    let hedge = Hedge::builder().percentile(0.5).build().unwrap();
    let limiter = RateLimiter::new(Quota::per_second(10)).unwrap();
    let disk = Pipeline::named("disk").hedge(hedge.clone()).build(&rt).unwrap();
    let paced = Pipeline::named("paced").hedge(hedge.clone()).rate_limit(&limiter).build(&rt).unwrap();
    let took = Blocking(|_: Attempt| {
        rt.pass(ms(100));
        Ok::<_, ()>(())
    });
    for _ in 0..20 {
        assert_eq!(rt.block_thread(disk.call_operation(took)), Ok(()));
    }
    assert!((ms(95)..ms(105)).contains(&hedge.delay(1)), "{:?}", hedge.delay(1));
    // Without what it has waited for its turn.
    for _ in 0..50 {
        let took = Blocking(|_: Attempt| {
            rt.pass(ms(50));
            Ok::<_, ()>(())
        });
        assert_eq!(rt.block_thread(paced.call_operation(took)), Ok(()));
    }
    assert!((ms(47)..ms(53)).contains(&hedge.delay(1)), "{:?}", hedge.delay(1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    /// The same attempts at the same times, and the same error, with the same time in it.
    #[test]
    fn a_retry_that_blocks_decides_as_one_that_awaits(
        steps in proptest::collection::vec(step(), 8),
        max_attempts in 1..8_u32,
        max_elapsed in proptest::option::of(0..500_u64),
        delay in 0..100_u64,
        budget in 10..40_u32,
    ) {
        let retry = || {
            let budget = RetryBudget::token_bucket().capacity(budget).build().expect("it is good");
            let mut builder = Retry::builder()
                .max_attempts(max_attempts)
                .backoff(Backoff::exponential(ms(delay)).jitter(Jitter::None))
                .budget(&budget);
            if let Some(time) = max_elapsed {
                builder = builder.max_elapsed(ms(time));
            }
            builder.classify(ByOutcome).build()
        };
        let Ok(retry_blocking) = retry() else { return Ok(()) };

        let rt = ByHand::new();
        let mut times = Vec::new();
        let op = Blocking(|attempt: Attempt| {
            times.push(rt.now());
            let Step { took, outcome } = steps[attempt.number() as usize - 1];
            rt.pass(took);
            result(attempt.number(), outcome)
        });
        let blocking = rt.block_thread(retry_blocking.run_operation(&rt, op));

        let run = sim(|rt| async move {
            let times = Mutex::new(Vec::new());
            let retry = retry().expect("it is good");
            let call = retry.run(&rt, async |attempt| {
                times.lock().unwrap().push(rt.now());
                let Step { took, outcome } = steps[attempt.number() as usize - 1];
                rt.sleep(took).await;
                result(attempt.number(), outcome)
            });
            let awaited = call.await;
            (awaited, times.into_inner().unwrap(), rt.now())
        });
        prop_assert_eq!((blocking, times, rt.now()), run.value);
    }
}

#[test]
fn first_contact() {
    let rt = ByHand::new();
    let retry = Retry::builder().backoff(Backoff::constant(ms(100)).jitter(Jitter::None)).build().unwrap();
    let calls = AtomicUsize::new(0);
    let gives_up = retry.run_blocking(&rt, |_| {
        rt.pass(ms(7));
        Err::<(), _>(calls.fetch_add(1, SeqCst))
    });
    // Three attempts of 7 ms, and the time between them.
    let Err(Error::RetriesExhausted { attempts, elapsed, why, .. }) = gives_up else {
        panic!("{gives_up:?}")
    };
    assert_eq!((attempts, elapsed, why), (3, ms(221), Stop::MaxAttempts));
    assert_eq!((calls.load(SeqCst), rt.now()), (3, at(221)));
}

#[test]
fn b08_a_panic_gives_back_what_the_budget_gave() {
    let rt = ByHand::new();
    let budget: RetryBudget =
        RetryBudget::token_bucket().capacity(5).retry_cost(5).timeout_cost(5).build().unwrap();
    let backoff = Backoff::constant(ms(1));
    let retry = Retry::builder().backoff(backoff).budget(&budget).build().unwrap();
    for _ in 0..3 {
        let panics = catch_unwind(AssertUnwindSafe(|| {
            retry.run_blocking(&rt, |attempt| {
                assert!(!attempt.is_retry(), "it panics");
                Err::<(), _>("down")
            })
        }));
        assert!(panics.is_err());
    }
    let result = retry.run_blocking(&rt, |attempt| if attempt.is_retry() { Ok(()) } else { Err("down") });
    assert_eq!(result, Ok(()), "there is enough for one");
}

#[test]
fn a_pipeline_on_a_thread() {
    on_sim(|rt| async move {
        let limiter = RateLimiter::new(Quota::new(1, ms(50))).unwrap();
        let retry = Retry::builder().backoff(Backoff::none()).build().unwrap();
        let disk = Pipeline::named("disk").retry(retry).rate_limit(&limiter).build(&rt).unwrap();
        let job = rt.spawn_blocking({
            let rt = rt.clone();
            move || {
                let op = Blocking(|attempt: Attempt| match attempt.number() {
                    3 => Ok(rt.now()),
                    _ => Err("busy"),
                });
                rt.block_thread(disk.call_operation(op))
            }
        });
        assert_eq!(job.await.expect("no panic"), Ok(at(100)));
    });
}

#[test]
fn a_token_ends_the_wait() {
    on_sim(|rt| async move {
        let retry =
            Retry::builder().backoff(Backoff::constant(secs(9)).jitter(Jitter::None)).build().unwrap();
        let token = CancelToken::new();
        let job = rt.spawn_blocking({
            let (rt, token) = (rt.clone(), token.clone());
            move || {
                let call = retry.run_operation(&rt, Blocking(|_| Err::<(), _>("busy")));
                rt.block_thread(call.until_cancelled(&token))
            }
        });
        rt.sleep(secs(12)).await;
        token.cancel();
        assert!(matches!(job.await.expect("no panic"), Err(Error::Cancelled)));
        assert_eq!(rt.now(), at(12_000));
    });
}

/// Jobs and tasks, by turns, a millisecond after one another.
async fn in_one_queue(rt: &Sim, limiter: &RateLimiter, many: u64) -> Vec<(u64, Instant)> {
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut jobs = Vec::new();
    let mut tasks = Vec::new();
    for number in 0..many {
        let (rt2, limiter, order) = (rt.clone(), limiter.clone(), Arc::clone(&order));
        let granted = move |rt: &Sim| order.lock().unwrap().push((number, rt.now()));
        if number % 2 == 0 {
            jobs.push(rt.spawn_blocking(move || {
                if limiter.acquire_blocking(&rt2).is_ok() {
                    granted(&rt2);
                }
            }));
        } else {
            tasks.push(rt.spawn(async move {
                if limiter.acquire(&rt2).await.is_ok() {
                    granted(&rt2);
                }
            }));
        }
        rt.sleep(ms(1)).await;
    }
    for job in jobs {
        job.await.expect("no panic");
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    Arc::into_inner(order).unwrap().into_inner().unwrap()
}

#[test]
fn threads_and_tasks_wait_in_one_queue() {
    on_sim(|rt| async move {
        let limiter = RateLimiter::new(Quota::new(1, ms(10))).unwrap();
        let order = in_one_queue(&rt, &limiter, 10).await;
        let expected: Vec<_> = (0..10).map(|number| (number, at(number * 10))).collect();
        assert_eq!(order, expected);
        assert_eq!(limiter.waiting(), 0);
    });
}

#[test]
fn who_blocks_is_refused_as_who_awaits() {
    on_sim(|rt| async move {
        let limiter =
            RateLimiter::named("one").quota(Quota::new(1, ms(10))).max_waiting(limit(2)).build().unwrap();
        let order = in_one_queue(&rt, &limiter, 6).await;
        let granted: Vec<_> = order.iter().map(|(number, _)| *number).collect();
        assert_eq!(granted, [0, 1, 2]);
        let one = Bulkhead::named("one").max_in_flight(1).max_waiting(1).max_wait(ms(5)).build().unwrap();
        let place = one.acquire(&rt).await.expect("it is free");
        let job = rt.spawn_blocking({
            let (rt, one) = (rt.clone(), one.clone());
            move || one.acquire_blocking(&rt).map(drop)
        });
        let before = rt.now();
        let rejected = job.await.expect("no panic").unwrap_err();
        assert_eq!((rejected.reason(), rt.now() - before), (Reason::MaxWait { limit: ms(5) }, ms(5)));
        drop(place);
        assert_eq!((one.in_flight(), one.waiting()), (0, 0));
    });
}

/// The time is up at the very moment at which the place is free: it is had or given back, and nothing is lost.
#[test]
fn b24_a_place_that_is_free_as_the_time_is_up() {
    for seed in 0..50 {
        passed(Sim::builder().seed(seed).run(|rt: Sim| async move {
            let one = Bulkhead::named("one").max_in_flight(1).max_waiting(9).build().unwrap();
            let place = one.acquire_owned(&rt).await.expect("it is free");
            let job = rt.spawn_blocking({
                let (rt, one) = (rt.clone(), one.clone());
                move || rt.block_thread(rt.timeout(ms(5), one.acquire(&rt))).map(drop)
            });
            rt.sleep(ms(5)).await;
            drop(place);
            let _ = job.await.expect("no panic");
            assert_eq!((one.in_flight(), one.waiting()), (0, 0));
            assert!(one.try_acquire().is_ok());
        }));
    }
}

/// Threads of nobody's, on runtimes that are real.
#[test]
fn threads_of_the_programs_own() {
    fn check<R: Runtime>(rt: &R) {
        let places = Bulkhead::named("two").max_in_flight(2).max_waiting(100).build().unwrap();
        let limiter =
            RateLimiter::named("fast").quota(Quota::new(1, Duration::from_micros(50))).build().unwrap();
        let (inside, most, granted) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let _turn = limiter.acquire_blocking(rt).expect("it may wait");
                        let _place = places.acquire_blocking(rt).expect("there is room to wait");
                        most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                        granted.fetch_add(1, SeqCst);
                        inside.fetch_sub(1, SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 2);
        assert_eq!((granted.into_inner(), places.in_flight(), limiter.waiting()), (200, 0, 0));
    }
    check(backstay::tokio::TokioOwner::new(Config::new()).unwrap().runtime());
    check(backstay::smol::SmolOwner::new(Config::new()).unwrap().runtime());
}
