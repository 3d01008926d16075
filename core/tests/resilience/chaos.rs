//! Faults on purpose: which calls they strike, and what the policies around see.

use crate::kit::{Heard, ms, on_sim, passed};
use backstay::testing::{Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    Attempt, Backoff, Chaos, ChaosConfig, ChaosKind, CircuitBreaker, CircuitState, Error, EventKind, Hedge,
    Pipeline, Retry, RetryBudget, Scope,
};
use backstay_core::time::Instant;
use proptest::prelude::*;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

#[test]
fn a_fault_and_an_outcome_are_in_place_of_the_operation() {
    on_sim(|rt| async move {
        let count = AtomicUsize::new(0);
        let op = async |_| {
            count.fetch_add(1, SeqCst);
            Ok::<_, &str>(200)
        };
        let fault = Chaos::fault(|| "reset").rate(1.0).build().unwrap();
        assert_eq!(fault.run(&rt, op).await, Err(Error::Operation("reset")));
        let result = Chaos::outcome(|| Ok(503)).rate(1.0).build().unwrap();
        assert_eq!(result.run(&rt, op).await, Ok(503));
        let error = Chaos::outcome(|| Err::<i32, _>("busy")).rate(1.0).build().unwrap();
        assert_eq!(error.run(&rt, op).await, Err(Error::Operation("busy")));
        assert_eq!((count.load(SeqCst), rt.now()), (0, Instant::ORIGIN));
    });
}

#[test]
fn a_latency_and_a_behavior_are_before_it() {
    on_sim(|rt| async move {
        let order = std::sync::Mutex::new(Vec::new());
        let slow = Chaos::latency(ms(50)).rate(1.0).build().unwrap();
        let first = Chaos::behavior(async || {
            rt.sleep(ms(5)).await;
            order.lock().unwrap().push("first");
        });
        let first = first.rate(1.0).build().unwrap();
        let api = Pipeline::named("api").chaos(slow).chaos(first).build(&rt).unwrap();
        let answer = api
            .call(async |attempt| {
                order.lock().unwrap().push("operation");
                Ok::<_, ()>(attempt.number())
            })
            .detailed()
            .await
            .unwrap();
        assert_eq!((answer.value, answer.attempts), (1, 1));
        assert_eq!(*order.lock().unwrap(), ["first", "operation"]);
        assert_eq!(rt.now(), Instant::ORIGIN + ms(55));
    });
}

#[test]
fn a_call_that_waits_is_one_call_of_the_operation() {
    on_sim(|rt| async move {
        let slow = Chaos::latency(ms(50)).rate(1.0).build().unwrap();
        let retry = Retry::builder().max_attempts(3).backoff(Backoff::none()).build().unwrap();
        let api = Pipeline::named("api").retry(retry).chaos(slow).build(&rt).unwrap();
        let answer =
            api.call(async |attempt| if attempt.number() < 3 { Err("down") } else { Ok(7) }).detailed();
        assert_eq!(answer.await.unwrap().attempts, 3);
        // Outside of the retry it strikes the first attempt alone.
        let slow = Chaos::latency(ms(50)).rate(1.0).build().unwrap();
        let retry = Retry::builder().max_attempts(3).backoff(Backoff::none()).build().unwrap();
        let api = Pipeline::named("api").chaos(slow).retry(retry).build(&rt).unwrap();
        let answer =
            api.call(async |attempt| if attempt.number() < 3 { Err("down") } else { Ok(7) }).detailed();
        assert_eq!(answer.await.unwrap().attempts, 3);
    });
}

#[test]
fn so_many_are_struck_and_the_same_ones_each_time() {
    on_sim(|rt| async move {
        let struck = async |rate: f64, seed: Option<u64>| {
            let builder = Chaos::fault(|| ()).rate(rate);
            let builder = if let Some(seed) = seed { builder.seed(seed) } else { builder };
            let (chaos, mut struck) = (builder.build().unwrap(), Vec::new());
            for call in 0..10_000 {
                if chaos.run(&rt, async |_| Ok(())).await.is_err() {
                    struck.push(call);
                }
            }
            struck
        };
        for seed in [None, Some(7)] {
            assert_eq!(struck(0.0, seed).await.len(), 0);
            assert_eq!(struck(1.0, seed).await.len(), 10_000);
            // Three deviations: 3 * sqrt(10,000 * 0.1 * 0.9).
            assert!((910..=1_090).contains(&struck(0.1, seed).await.len()));
        }
        assert_eq!(struck(0.1, Some(7)).await, struck(0.1, Some(7)).await);
        assert_ne!(struck(0.1, Some(7)).await, struck(0.1, Some(8)).await);
    });
}

#[test]
fn clones_take_turns_at_one_sequence() {
    let one = Chaos::fault(|| ()).rate(0.5).seed(7).build().unwrap();
    let alone: Vec<_> = (0..64).map(|_| one.strikes(0)).collect();
    let both = Chaos::fault(|| ()).rate(0.5).seed(7).build().unwrap();
    let other = both.clone();
    let taken: Vec<_> = (0..32).flat_map(|_| [both.strikes(0), other.strikes(0)]).collect();
    assert_eq!(alone, taken);
}

#[test]
fn what_is_not_enabled_strikes_nobody_and_uses_up_no_number() {
    on_sim(|rt| async move {
        let flag = Arc::new(AtomicBool::new(true));
        let asked = flag.clone();
        let chaos = Chaos::fault(|| "down").rate(1.0).enabled_if(move || asked.load(SeqCst)).build().unwrap();
        let run = async || chaos.run(&rt, async |_| Ok(7)).await;
        assert_eq!(run().await, Err(Error::Operation("down")));
        flag.store(false, SeqCst);
        assert_eq!(run().await, Ok(7));
        flag.store(true, SeqCst);
        assert!(run().await.is_err());

        let mut config = ChaosConfig::new();
        (config.enabled, config.rate) = (false, 1.0);
        let off = Chaos::fault(|| "down").config(config).build().unwrap();
        assert_eq!(off.run(&rt, async |_| Ok(7)).await, Ok(7));
        let seeded = || Chaos::fault(|| ()).rate(0.5).seed(7);
        let (off, on) = (seeded().enabled(false).build().unwrap(), seeded().build().unwrap());
        assert!((0..64).all(|_| !off.strikes(0)));
        assert!((0..64).any(|_| on.strikes(0)));
    });
}

#[test]
fn a_limit_around_it_passes_while_it_waits() {
    on_sim(|rt| async move {
        let called = AtomicBool::new(false);
        let op = async |_| {
            called.store(true, SeqCst);
            Ok::<_, ()>(7)
        };
        let slow = Chaos::latency(ms(50)).rate(1.0).build().unwrap();
        let hung = Chaos::behavior(pending::<()>).rate(1.0).build().unwrap();
        let late = |limit| Err(Error::TimedOut { scope: Scope::Attempt, limit: ms(limit) });
        for limit in [49, 50] {
            let api =
                Pipeline::named("api").attempt_timeout(ms(limit)).chaos(slow.clone()).build(&rt).unwrap();
            let start = rt.now();
            assert_eq!(api.call(op).await, late(limit));
            assert_eq!(rt.now() - start, ms(limit));
        }
        let api = Pipeline::named("api").attempt_timeout(ms(50)).chaos(hung).build(&rt).unwrap();
        assert_eq!(api.call(op).await, late(50));
        assert!(!called.load(SeqCst));
        let api = Pipeline::named("api").attempt_timeout(ms(51)).chaos(slow).build(&rt).unwrap();
        assert_eq!(api.call(op).await, Ok(7));
    });
}

#[test]
fn the_policies_around_it_see_a_service_that_was_asked() {
    on_sim(|rt| async move {
        let down = Chaos::fault(|| "down").rate(1.0).build().unwrap();
        let breaker = CircuitBreaker::named("db").consecutive_failures(3).build().unwrap();
        let budget = RetryBudget::token_bucket().build().unwrap();
        let retry =
            Retry::builder().max_attempts(3).backoff(Backoff::none()).budget(&budget).build().unwrap();
        let builder = Pipeline::named("api").retry(retry).breaker(&breaker);
        let api = builder.chaos(down).build(&rt).unwrap();
        let error = api.call(async |_| Ok(7)).await.unwrap_err();
        assert!(matches!(error, Error::RetriesExhausted { attempts: 3, .. }), "{error:?}");
        assert_eq!(breaker.state(rt.now()), CircuitState::Open);
        // Two retries that were made.
        assert_eq!(budget.available(rt.now()), 98);
    });
}

#[test]
fn a_latency_is_hedged() {
    on_sim(|rt| async move {
        let hedge = Hedge::builder().delay(ms(20)).build().unwrap();
        let once = Arc::new(AtomicBool::new(true));
        let slow = Chaos::latency(ms(500)).rate(1.0).enabled_if(move || once.swap(false, SeqCst));
        let api = Pipeline::named("api").hedge(hedge).chaos(slow.build().unwrap()).build(&rt).unwrap();
        let answer = api.call(async |attempt| Ok::<_, ()>(attempt.hedge())).detailed().await.unwrap();
        assert_eq!((answer.value, answer.attempts, rt.now()), (1, 2, Instant::ORIGIN + ms(20)));
    });
}

#[test]
fn whoever_watches_is_told() {
    on_sim(|rt| async move {
        let heard = Heard::default();
        let builder = Pipeline::named("api").observer(heard.clone());
        let slow = Chaos::latency(ms(5)).rate(1.0).build().unwrap();
        let first = Chaos::behavior(async || ()).rate(1.0).build().unwrap();
        let never = Chaos::fault(|| ()).rate(0.0).build().unwrap();
        let result = Chaos::outcome(|| Ok(7)).rate(1.0).build().unwrap();
        let api = builder.chaos(slow).chaos(first).chaos(never).chaos(result).build(&rt).unwrap();
        assert_eq!(api.call(async |_| Err(())).await, Ok(7));
        let told = [ChaosKind::Latency, ChaosKind::Behavior, ChaosKind::Outcome];
        assert_eq!(heard.take(), told.map(|chaos| ("api", EventKind::Injected { chaos })));
        assert_eq!(
            api.describe().to_string(),
            "api\n  chaos: 1 of the calls\n  chaos: 1 of the calls\n  chaos: 0 of the calls\n  chaos: 1 of the calls"
        );
    });
}

#[test]
fn rates_that_make_no_sense_are_refused() {
    for rate in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(Chaos::fault(|| ()).rate(rate).build().unwrap_err().field(), Some("rate"), "{rate}");
    }
    assert_eq!(*Chaos::latency(ms(1)).as_config(), ChaosConfig::default());
}

#[test]
fn times_without_end_and_ranges_that_are_empty() {
    on_sim(|rt| async move {
        let never = Chaos::latency(Duration::MAX).rate(1.0).build().unwrap();
        assert!(rt.timeout(ms(10), never.run(&rt, async |_| Ok::<_, ()>(()))).await.is_err());
        let start = rt.now();
        let empty = Chaos::latency_within(ms(9)..=ms(1)).rate(1.0).build().unwrap();
        assert_eq!(empty.run(&rt, async |_| Ok::<_, ()>(())).await, Ok(()));
        assert_eq!(rt.now() - start, ms(9));
        let none = Chaos::latency(Duration::ZERO).rate(1.0).build().unwrap();
        assert_eq!(none.run(&rt, async |_| Ok::<_, ()>(())).await, Ok(()));
        assert_eq!(rt.now() - start, ms(9));
    });
}

proptest! {
    #[test]
    fn a_latency_is_within_its_range(shortest in 0..100u64, more in 0..100u64, seed in any::<u64>()) {
        on_sim(move |rt| async move {
            let range = ms(shortest)..=ms(shortest + more);
            let slow = Chaos::latency_within(range.clone()).rate(1.0).seed(seed).build().unwrap();
            for _ in 0..20 {
                let start = rt.now();
                assert_eq!(slow.run(&rt, async |_| Ok::<_, ()>(())).await, Ok(()));
                assert!(range.contains(&(rt.now() - start)));
            }
        });
    }
}

#[test]
fn latencies_are_spread_also_where_few_are_struck() {
    on_sim(|rt| async move {
        let slow = Chaos::latency_within(ms(0)..=ms(100)).rate(0.05).seed(7).build().unwrap();
        let mut times = Vec::new();
        for _ in 0..20_000 {
            let start = rt.now();
            assert_eq!(slow.run(&rt, async |_| Ok::<_, ()>(())).await, Ok(()));
            if rt.now() > start {
                times.push((rt.now() - start).as_millis());
            }
        }
        let mean = times.iter().sum::<u128>() / times.len() as u128;
        assert!((45..=55).contains(&mean), "{mean}");
        assert!(times.iter().any(|time| *time < 5) && times.iter().any(|time| *time > 95));
    });
}

#[test]
fn wherever_it_is_cut_nothing_is_left() {
    let tracker = Tracker::new();
    let scenario = |rt: Sim, subject: Subject| {
        let tracker = tracker.clone();
        async move {
            let slow = Chaos::latency(ms(5)).rate(1.0).build().unwrap();
            let (other, tracked) = (rt.clone(), tracker.clone());
            let first = Chaos::behavior(move || {
                let (rt, value) = (other.clone(), tracked.track(()));
                async move {
                    rt.sleep(ms(3)).await;
                    drop(value);
                }
            });
            let api = Pipeline::named("api").chaos(slow).chaos(first.rate(1.0).build().unwrap());
            let api = api.build(&rt).unwrap();
            let call = {
                let rt = rt.clone();
                async move {
                    let op = |_: Attempt| {
                        let (rt, value) = (&rt, tracker.track(()));
                        async move {
                            rt.sleep(ms(1)).await;
                            drop(value);
                            Ok::<_, ()>(())
                        }
                    };
                    api.call(op).await
                }
            };
            subject.spawn(&rt, call).await;
        }
    };
    let check = |_: Sim, ()| async { tracker.assert_none_alive() };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 4);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
}

#[test]
fn what_is_inside_of_it_sees_the_operation_called_too() {
    use backstay_core::resilience::{Quota, RateLimiter};
    on_sim(|rt| async move {
        let slow = Chaos::latency(ms(5)).rate(1.0).build().unwrap();
        let breaker = CircuitBreaker::named("db").consecutive_failures(1).build().unwrap();
        let limiter = RateLimiter::named("one").quota(Quota::new(1, Duration::from_secs(60)));
        let limiter = limiter.max_wait(Duration::ZERO).build().unwrap();
        let builder = Pipeline::named("api").chaos(slow.clone());
        let api = builder.rate_limit(&limiter).breaker(&breaker).build(&rt).unwrap();
        let answer = api.call(async |_| Err::<(), _>("down")).await;
        assert_eq!(answer, Err(Error::Operation("down")));
        assert_eq!(breaker.state(rt.now()), CircuitState::Open);
        let refused = api.call(async |_| Err::<(), _>("down")).await;
        assert!(refused.unwrap_err().rejected().is_some_and(|rejected| rejected.name() == "one"));

        let hedge = Hedge::builder().delay(ms(20)).build().unwrap();
        let api = Pipeline::named("api").chaos(slow).hedge(hedge).build(&rt).unwrap();
        let op = async |attempt: Attempt| {
            rt.sleep(ms(if attempt.is_hedge() { 1 } else { 500 })).await;
            Ok::<_, ()>(attempt.hedge())
        };
        let answer = api.call(op).detailed().await.unwrap();
        assert_eq!((answer.value, answer.attempts), (1, 2));
    });
}

#[test]
fn nothing_is_struck_whose_time_is_up() {
    use backstay_core::resilience::Bulkhead;
    on_sim(|rt| async move {
        let heard = Heard::default();
        let bulkhead = Bulkhead::named("db").max_in_flight(1).max_waiting(1).build().unwrap();
        let down = Chaos::fault(|| "down").rate(1.0).build().unwrap();
        let builder = Pipeline::named("api").observer(heard.clone()).deadline(ms(10));
        let api = builder.bulkhead(&bulkhead).chaos(down).build(&rt).unwrap();
        // There is a place just as the time is up: the operation would not be called, so it doesn't fail.
        let place = bulkhead.try_acquire().unwrap();
        let mut call = std::pin::pin!(api.call(async |_| Ok(7)));
        assert!(futures::poll!(call.as_mut()).is_pending());
        rt.sleep(ms(10)).await;
        drop(place);
        assert_eq!(call.await, Err(Error::TimedOut { scope: Scope::Total, limit: ms(10) }));
        assert!(heard.take().iter().all(|(_, kind)| kind.name() != "chaos.injected"));
    });
}
