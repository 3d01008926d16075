//! A pipeline of a configuration, and another configuration for it while it runs.

use crate::kit::{Heard, ms, on_sim, passed, secs};
use crate::lock_probe::is_free;
use backstay::testing::{Explore, Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    AdaptiveLimit, Aimd, Attempt, Backoff, Bulkhead, CircuitBreaker, CircuitReason, CircuitState,
    ConfiguredPipeline, Error, EventKind, Hedge, LoadShed, Pipeline, PipelineConfig, PolicyKind, Quota,
    RateLimiter, Reason, Retry, RetryBudget, RetryBudgetConfig, Throttle, Verdict,
};
use std::cell::Cell;
use std::future::pending;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn retry(attempts: u32) -> backstay_core::resilience::RetryConfig {
    Retry::builder().max_attempts(attempts).backoff(Backoff::constant(ms(10))).as_config().clone()
}

fn tokens(capacity: u32) -> RetryBudgetConfig {
    RetryBudgetConfig::TokenBucket(RetryBudget::token_bucket().capacity(capacity))
}

/// With every policy that there is.
fn all() -> PipelineConfig {
    let mut config = PipelineConfig::default();
    config.deadline = Some(secs(2).into());
    config.load_shed = Some(LoadShed::named("").into());
    config.throttle = Some(Throttle::named("").into());
    config.retry = Some(retry(3));
    config.retry_budget = Some(tokens(500));
    config.hedge = Some(*Hedge::builder().delay(ms(400)).as_config());
    config.rate_limit = Some(RateLimiter::named("").quota(Quota::per_second(100).burst(100)).into());
    config.breaker = Some(CircuitBreaker::named("").consecutive_failures(5).into());
    config.bulkhead = Some(Bulkhead::named("").max_in_flight(8).max_waiting(4).into());
    config.adaptive_limit = Some(AdaptiveLimit::named("").into());
    config.attempt_timeout = Some(ms(500).into());
    config
}

fn of(rt: &Sim, config: &PipelineConfig) -> ConfiguredPipeline<Sim> {
    ConfiguredPipeline::named("users").config(config.clone()).build(rt).expect("it is good")
}

#[test]
fn it_is_the_pipeline_that_one_would_write() {
    on_sim(|rt: Sim| async move {
        let written = Pipeline::named("users")
            .deadline(secs(2))
            .load_shed(&LoadShed::named("users").build().unwrap())
            .throttle(&Throttle::named("users").build().unwrap())
            .retry(Retry::builder().config(retry(3)).budget(&tokens(500).build().unwrap()).build().unwrap())
            .hedge(Hedge::builder().delay(ms(400)).budget(&tokens(500).build().unwrap()).build().unwrap())
            .rate_limit(
                &RateLimiter::named("users").quota(Quota::per_second(100).burst(100)).build().unwrap(),
            )
            .breaker(&CircuitBreaker::named("users").consecutive_failures(5).build().unwrap())
            .bulkhead(&Bulkhead::named("users").max_in_flight(8).max_waiting(4).build().unwrap())
            .adaptive_limit(&AdaptiveLimit::named("users").build().unwrap())
            .attempt_timeout(ms(500))
            .build(&rt)
            .unwrap();
        let users = of(&rt, &all());
        assert_eq!(users.current().describe(), written.describe());
        assert_eq!((users.current().lints(), users.config()), (written.lints(), all()));
        assert_eq!(users.call(async |it: Attempt| Ok::<_, &str>(it.remaining())).await, Ok(ms(500)));

        // Nothing is nothing.
        let nothing = of(&rt, &PipelineConfig::default());
        assert_eq!(nothing.current().describe().kinds().count(), 0);
        assert_eq!(nothing.call(async |it: Attempt| Ok::<_, &str>(it.remaining())).await, Ok(Duration::MAX));
        assert_eq!(nothing.call(async |_| Err::<(), _>("down")).await, Err(Error::Operation("down")));
        assert!(nothing.breaker().is_none() && nothing.bulkhead().is_none());
    });
}

#[test]
fn what_has_a_state_keeps_it() {
    on_sim(|rt: Sim| async move {
        let mut config = PipelineConfig::default();
        config.breaker = Some(CircuitBreaker::named("").consecutive_failures(1).open_for(secs(9)).into());
        config.rate_limit =
            Some(RateLimiter::named("").quota(Quota::per_hour(1).burst(2)).max_wait(ms(0)).into());
        config.bulkhead = Some(Bulkhead::named("").max_in_flight(1).into());
        let users = of(&rt, &config);
        let mut under_way = Box::pin(users.call(|_| pending::<Result<(), &str>>()));
        assert!(poll(under_way.as_mut()).is_pending());

        // A place more, and a queue for who comes from now on; the limiter has one permit left, and the breaker failures
        // in a row, which count.
        config.bulkhead = Some(Bulkhead::named("").max_in_flight(2).max_waiting(1).max_wait(ms(5)).into());
        config.breaker = Some(CircuitBreaker::named("").consecutive_failures(1).open_for(secs(20)).into());
        users.reconfigure(config.clone()).unwrap();
        let bulkhead = users.bulkhead().unwrap();
        assert_eq!((bulkhead.in_flight(), bulkhead.max_in_flight()), (1, 2));
        assert_eq!(users.call(async |_| Err::<(), _>("down")).await, Err(Error::Operation("down")));
        let (limiter, breaker) = (users.rate_limiter().unwrap(), users.breaker().unwrap());
        assert_eq!((limiter.available(rt.now()), breaker.state(rt.now())), (0, CircuitState::Open));
        let refused = users.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
        assert_eq!(refused.rejected().map(|it| it.policy()), Some(PolicyKind::RateLimiter));

        config.rate_limit = Some(RateLimiter::named("").quota(Quota::new(1, ms(100)).burst(2)).into());
        users.reconfigure(config.clone()).unwrap();
        assert_eq!(breaker.state(rt.now()), CircuitState::Open);
        // Who comes now may wait for the limiter as long as it takes.
        let refused = users.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
        assert_eq!(
            (refused.rejected().map(|it| it.policy()), rt.now()),
            (Some(PolicyKind::CircuitBreaker), at(100))
        );
        assert_eq!(breaker.try_acquire(rt.now()).unwrap_err().retry_after(), Some(secs(20) - ms(100)));

        // The queue of the bulkhead: five milliseconds for one.
        breaker.reset();
        let _place = bulkhead.try_acquire().unwrap();
        let waits = users.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
        assert!(waits.is_timeout(), "{waits:?}");
        drop(under_way);
        assert_eq!(users.call(async |_| Ok::<_, &str>(7)).await, Ok(7));
    });
}

#[test]
fn a_limit_that_stays_as_it_is_loses_no_permit() {
    on_sim(|rt: Sim| async move {
        let mut config = PipelineConfig::default();
        config.rate_limit = Some(RateLimiter::named("").quota(Quota::per_hour(1)).into());
        config.bulkhead = Some(Bulkhead::named("").max_in_flight(1).max_waiting(1).into());
        let users = of(&rt, &config);
        let (limiter, bulkhead) = (users.rate_limiter().unwrap(), users.bulkhead().unwrap());
        let _place = bulkhead.try_acquire().unwrap();
        let mut waits = Box::pin(users.call(async |_| Ok::<_, &str>(())));
        assert!(poll(waits.as_mut()).is_pending());
        assert_eq!((limiter.available(rt.now()), bulkhead.waiting()), (0, 1));
        config.deadline = Some(secs(1).into());
        users.reconfigure(config).unwrap();
        drop(waits);
        assert_eq!(limiter.available(rt.now()), 1, "its operation was not called");
    });
}

#[test]
fn each_policy_goes_by_the_new_settings() {
    on_sim(|rt: Sim| async move {
        let users = of(&rt, &all());
        let mut other = all();
        other.deadline = Some(secs(3).into());
        other.load_shed = Some(LoadShed::named("").target(ms(7)).interval(ms(80)).into());
        other.throttle = Some(Throttle::named("").ratio(1.5).into());
        other.retry = Some(retry(4));
        other.retry_budget = Some(tokens(50));
        other.hedge = Some(*Hedge::builder().delay(ms(300)).as_config());
        other.rate_limit = Some(RateLimiter::named("").quota(Quota::per_second(9)).into());
        other.breaker = Some(CircuitBreaker::named("").consecutive_failures(7).into());
        other.bulkhead = Some(Bulkhead::named("").max_in_flight(3).max_waiting(2).max_wait(ms(1)).into());
        other.adaptive_limit = Some(AdaptiveLimit::named("").max_limit(30).algorithm(Aimd::new()).into());
        other.attempt_timeout = Some(ms(400).into());
        users.reconfigure(other.clone()).unwrap();
        let (now, new) = (users.current().describe(), of(&rt, &other).current().describe());
        assert_eq!(now, new);
        assert_ne!(now, of(&rt, &all()).current().describe());
    });
}

#[test]
fn a_hedge_has_the_budget_of_the_new_settings() {
    on_sim(|rt: Sim| async move {
        let mut config = PipelineConfig::default();
        config.hedge = Some(*Hedge::builder().delay(ms(10)).as_config());
        config.retry_budget = Some(tokens(10));
        let users = of(&rt, &config);
        let made = Cell::new(0);
        let fails = async |_| {
            made.set(made.get() + 1);
            rt.sleep(ms(20)).await;
            Err::<(), _>("down")
        };
        for (capacity, calls) in [(10, 2), (10, 2), (10, 1), (11, 2)] {
            config.retry_budget = Some(tokens(capacity));
            users.reconfigure(config.clone()).unwrap();
            assert!(users.call(fails).await.is_err());
            assert_eq!(made.take(), calls, "{capacity}");
        }
    });
}

#[test]
fn a_hedge_keeps_what_it_has_measured_with_another_budget() {
    on_sim(|rt: Sim| async move {
        let mut config = PipelineConfig::default();
        config.hedge = Some(*Hedge::builder().percentile(0.5).as_config());
        config.retry_budget = Some(tokens(10));
        let users = of(&rt, &config);
        for _ in 0..40 {
            assert!(
                users
                    .call(async |_| {
                        rt.sleep(ms(10)).await;
                        Ok::<_, &str>(())
                    })
                    .await
                    .is_ok()
            );
        }
        config.retry_budget = Some(tokens(15));
        users.reconfigure(config).unwrap();
        let slow = async |_| {
            rt.sleep(ms(100)).await;
            Ok::<_, &str>(())
        };
        let answer = users.current().call(slow).detailed().await.unwrap();
        assert_eq!(answer.attempts, 2, "after what was measured, which is less than the first delay");
    });
}

#[test]
fn breakers_that_open_together_have_each_its_own_time() {
    on_sim(|rt: Sim| async move {
        let mut config = PipelineConfig::default();
        let breaker = CircuitBreaker::named("").consecutive_failures(1).jitter(0.5, 0);
        config.breaker = Some(breaker.into());
        let mut times: Vec<_> = (0..20)
            .map(|_| {
                let breaker = of(&rt, &config).breaker().unwrap();
                breaker.try_acquire(rt.now()).unwrap().failure(rt.now());
                breaker.try_acquire(rt.now()).unwrap_err().retry_after()
            })
            .collect();
        times.sort();
        times.dedup();
        assert_eq!(times.len(), 20);
    });
}

const fn at(ms: u64) -> backstay_core::time::Instant {
    crate::kit::at(ms)
}

#[test]
fn one_that_is_wrong_changes_nothing() {
    type Change = fn(&mut PipelineConfig);
    let cases: [(&str, Change); 16] = [
        ("deadline", |it| it.deadline = Some(Duration::ZERO.into())),
        ("target", |it| it.load_shed.as_mut().unwrap().target = Duration::ZERO),
        ("ratio", |it| it.throttle.as_mut().unwrap().ratio = f64::NAN),
        ("max_attempts", |it| it.retry.as_mut().unwrap().max_attempts = 0),
        ("initial", |it| it.retry.as_mut().unwrap().backoff = Backoff::exponential(Duration::ZERO)),
        ("capacity", |it| it.retry_budget = Some(tokens(0))),
        ("retry_budget", |it| (it.retry, it.hedge) = (None, None)),
        ("max_hedges", |it| it.hedge.as_mut().unwrap().max_hedges = u32::MAX),
        ("quota", |it| it.rate_limit.as_mut().unwrap().quota = None),
        ("permits", |it| it.rate_limit.as_mut().unwrap().quota = Some(Quota::per_second(0))),
        ("burst", |it| it.rate_limit.as_mut().unwrap().quota = Some(Quota::per_hour(1).burst(u32::MAX))),
        ("failure_rate", |it| it.breaker.as_mut().unwrap().failure_rate = Some(f64::INFINITY)),
        ("max_open", |it| it.breaker.as_mut().unwrap().max_open = Some(Duration::ZERO)),
        ("max_in_flight", |it| it.bulkhead.as_mut().unwrap().max_in_flight = Some(usize::MAX)),
        ("min_limit", |it| it.adaptive_limit.as_mut().unwrap().min_limit = 0),
        ("attempt_timeout", |it| it.attempt_timeout = Some(Duration::ZERO.into())),
    ];
    on_sim(move |rt: Sim| async move {
        let users = of(&rt, &all());
        let _ = users.call(async |_| Err::<(), _>("down")).await;
        let seen = || {
            let now = rt.now();
            format!(
                "{} {:?} {:?} {:?} {:?} {:?}",
                users.current().describe(),
                users.config(),
                users.breaker().unwrap().metrics(now),
                (users.rate_limiter().unwrap(), users.rate_limiter().unwrap().available(now)),
                users.bulkhead(),
                users.adaptive_limit(),
            )
        };
        let before = seen();
        for (field, change) in cases {
            // Everything else in it is another than before, so that it would be seen.
            let mut wrong = all();
            wrong.deadline = Some(secs(9).into());
            wrong.attempt_timeout = None;
            wrong.bulkhead.as_mut().unwrap().max_in_flight = Some(99);
            wrong.bulkhead.as_mut().unwrap().max_waiting = 99;
            wrong.rate_limit.as_mut().unwrap().quota = Some(Quota::per_second(1));
            wrong.breaker.as_mut().unwrap().consecutive_failures = Some(1);
            wrong.adaptive_limit.as_mut().unwrap().max_limit = 77;
            change(&mut wrong);
            let Err(error) = users.reconfigure(wrong.clone()) else { panic!("{field}: {wrong:?}") };
            assert_eq!(error.field(), Some(field), "{error}");
            assert_eq!(wrong.validate().unwrap_err().to_string(), error.to_string());
            let built = ConfiguredPipeline::named("users").config(wrong).build(&rt);
            assert_eq!(built.unwrap_err().to_string(), error.to_string());
            assert_eq!(seen(), before);
        }
    });
}

#[test]
fn policies_come_and_go() {
    on_sim(|rt: Sim| async move {
        let mut config = PipelineConfig::default();
        config.breaker = Some(CircuitBreaker::named("").consecutive_failures(1).into());
        config.bulkhead = Some(Bulkhead::named("").max_in_flight(1).into());
        let users = of(&rt, &config);
        let (breaker, bulkhead) = (users.breaker().unwrap(), users.bulkhead().unwrap());
        let mut under_way = Box::pin(users.call(async |_| {
            rt.sleep(secs(1)).await;
            Ok::<_, &str>(())
        }));
        assert!(poll(under_way.as_mut()).is_pending());
        breaker.try_acquire(rt.now()).unwrap().failure(rt.now());

        // Without both, and with others. What is under way keeps its place to the end.
        let before = users.reconfigure(all_without_limits()).unwrap();
        assert_eq!(before, config);
        assert_eq!(users.call(async |it: Attempt| Ok::<_, &str>(it.remaining())).await, Ok(ms(500)));
        assert_eq!(bulkhead.in_flight(), 1);
        assert_eq!(under_way.await, Ok(()));
        assert_eq!(bulkhead.in_flight(), 0);

        // And back: they are new.
        users.reconfigure(config.clone()).unwrap();
        assert_eq!(users.breaker().unwrap().state(rt.now()), CircuitState::Closed);
        assert_eq!(
            users.current().describe().kinds().collect::<Vec<_>>(),
            [PolicyKind::CircuitBreaker, PolicyKind::Bulkhead]
        );
        drop(users.reconfigure(PipelineConfig::default()).unwrap());
        assert_eq!(users.current().describe().kinds().count(), 0);
    });
}

fn all_without_limits() -> PipelineConfig {
    let mut config = all();
    (config.breaker, config.bulkhead) = (None, None);
    config
}

#[test]
fn a_budget_is_the_same_as_long_as_its_settings_are() {
    on_sim(|rt: Sim| async move {
        let mut config = PipelineConfig::default();
        // Five tokens a retry: two of them.
        (config.retry, config.retry_budget) = (Some(retry(9)), Some(tokens(10)));
        let users = of(&rt, &config);
        let attempts = async |users: &ConfiguredPipeline<Sim>| {
            let made = Cell::new(0);
            let fails = async |_| {
                made.set(made.get() + 1);
                Err::<(), _>("down")
            };
            assert!(users.call(fails).await.is_err());
            made.get()
        };
        assert_eq!(attempts(&users).await, 3);
        config.retry = Some(retry(8));
        users.reconfigure(config.clone()).unwrap();
        assert_eq!(attempts(&users).await, 1, "it is spent");
        config.retry_budget = Some(tokens(15));
        users.reconfigure(config.clone()).unwrap();
        assert_eq!(attempts(&users).await, 4, "another");
        config.retry_budget = None;
        users.reconfigure(config).unwrap();
        assert_eq!(attempts(&users).await, 8);
    });
}

#[test]
fn what_is_no_data_stays() {
    on_sim(|rt: Sim| async move {
        let heard = Heard::default();
        let mut config = PipelineConfig::default();
        config.breaker = Some(CircuitBreaker::named("").consecutive_failures(1).into());
        let judge = |result: Result<&u16, &Error<&str>>| match result {
            Ok(500..) => Verdict::failure(),
            Ok(_) => Verdict::Success,
            Err(error) => Verdict::of_error(error),
        };
        let users =
            ConfiguredPipeline::named("users").config(config.clone()).observer(heard.clone()).classify(judge);
        let users = users.build(&rt).unwrap();
        for _ in 0..2 {
            assert_eq!(users.call(async |_| Ok(200)).await, Ok(200));
            assert_eq!(users.call(async |_| Ok(503)).await, Ok(503));
            let (from, to) = (CircuitState::Closed, CircuitState::Open);
            let opened = EventKind::CircuitChanged { from, to, reason: CircuitReason::ConsecutiveFailures };
            assert_eq!(heard.take(), [("users", opened)]);
            let refused = users.call(async |_| Ok(200)).await.unwrap_err();
            assert_eq!(refused.rejected().map(|it| it.reason()), Some(Reason::Open));
            let told: Vec<_> = heard.take().iter().map(|(source, kind)| (*source, kind.name())).collect();
            assert_eq!(told, [("users", "rejected")]);
            // The next is a new breaker, with the same observer.
            users.reconfigure(PipelineConfig::default()).unwrap();
            users.reconfigure(config.clone()).unwrap();
        }
    });
}

#[test]
fn changes_of_an_adaptive_limit_are_told_and_nothing_twice() {
    on_sim(|rt: Sim| async move {
        let heard = Heard::default();
        let mut config = PipelineConfig::default();
        let aimd = Aimd::new().latency_threshold(ms(100));
        config.adaptive_limit = Some(
            AdaptiveLimit::named("").initial_limit(2).max_limit(2).backoff_ratio(0.5).algorithm(aimd).into(),
        );
        config.attempt_timeout = Some(ms(10).into());
        let users =
            ConfiguredPipeline::named("users").config(config).observer(heard.clone()).build(&rt).unwrap();
        let told = || heard.take().iter().map(|(source, kind)| (*source, kind.name())).collect::<Vec<_>>();

        let hangs = users.call(async |_| std::future::pending::<Result<(), ()>>().await);
        assert!(hangs.await.is_err());
        let mut events = told();
        events.sort();
        assert_eq!(events, [("users", "limit.changed"), ("users", "timed_out")]);

        // The only place is taken.
        let limit = users.adaptive_limit().unwrap();
        let _place = limit.try_acquire(rt.now()).unwrap();
        assert!(users.call(async |_| Ok::<_, ()>(())).await.is_err());
        assert_eq!(told(), [("users", "rejected")]);
    });
}

#[test]
fn calls_and_changes_at_once_whatever_the_schedule() {
    let scenario = |rt: Sim| async move {
        let users = of(&rt, &all());
        let stop = Arc::new(AtomicBool::new(false));
        let calls: Vec<_> = (0..3)
            .map(|_| {
                let (rt, users, stop) = (rt.clone(), users.clone(), stop.clone());
                rt.clone().spawn(async move {
                    while !stop.load(SeqCst) {
                        let op = |attempt: Attempt| {
                            let rt = &rt;
                            async move {
                                rt.sleep(ms(1)).await;
                                if attempt.is_retry() { Ok(attempt.number()) } else { Err("down") }
                            }
                        };
                        let _ = users.call(op).await;
                        rt.sleep(ms(1)).await;
                    }
                })
            })
            .collect();
        for round in 0..6 {
            rt.sleep(ms(7)).await;
            let mut config = if round % 2 == 0 { all_without_limits() } else { all() };
            config.deadline = Some(secs(round + 1).into());
            users.reconfigure(config.clone()).unwrap();
            assert_eq!(users.config(), config);
        }
        stop.store(true, SeqCst);
        for call in calls {
            call.await.expect("no panic");
        }
        let bulkhead = users.bulkhead().unwrap();
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
        assert_eq!(users.adaptive_limit().unwrap().in_flight(), 0);
    };
    passed(Explore::seeds(0..60).run(scenario));
}

#[test]
fn wherever_a_call_is_cut_nothing_is_held() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let mut config = all();
        config.bulkhead = Some(Bulkhead::named("").max_in_flight(1).max_waiting(2).into());
        config.rate_limit = Some(RateLimiter::named("").quota(Quota::new(1, ms(5))).into());
        config.hedge = Some(*Hedge::builder().delay(ms(2)).as_config());
        let users = of(&rt, &config);
        let policies =
            (users.bulkhead().unwrap(), users.rate_limiter().unwrap(), users.adaptive_limit().unwrap());
        let change = rt.spawn({
            let (rt, users) = (rt.clone(), users.clone());
            async move {
                rt.sleep(ms(4)).await;
                config.hedge = None;
                users.reconfigure(config).unwrap();
            }
        });
        let call = {
            let (rt, users) = (rt.clone(), users.clone());
            async move {
                let op = |attempt: Attempt| {
                    let rt = &rt;
                    async move {
                        rt.sleep(ms(3)).await;
                        if attempt.is_retry() { Ok(attempt.number()) } else { Err("down") }
                    }
                };
                let first = users.call(op).await;
                (first, users.call(op).await)
            }
        };
        subject.spawn(&rt, call).await;
        change.await.expect("no panic");
        (users, policies)
    };
    let check = |rt: Sim,
                 (users, (bulkhead, limiter, limit)): (
        ConfiguredPipeline<Sim>,
        (Bulkhead, RateLimiter, AdaptiveLimit),
    )| async move {
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting(), limiter.waiting()), (0, 0, 0));
        assert_eq!((limit.in_flight(), limit.waiting()), (0, 0));
        rt.sleep(ms(10)).await;
        assert_eq!(limiter.available(rt.now()), 1);
        assert_eq!(users.call(async |_| Ok::<_, &str>(1)).await, Ok(1));
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 6);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
}

/// Of a classifier: looks at the pipeline when the first of its clones is dropped.
#[derive(Clone)]
struct Looks(Arc<Mutex<Option<Look>>>);

type Look = Box<dyn FnOnce() + Send>;

impl Drop for Looks {
    fn drop(&mut self) {
        let look = self.0.lock().unwrap().take();
        look.into_iter().for_each(|look| look());
    }
}

#[test]
fn what_is_gone_is_dropped_with_no_lock_held() {
    on_sim(|rt: Sim| async move {
        let (looks, looked) = (Looks(Arc::default()), Arc::new(AtomicBool::new(false)));
        let place = Arc::clone(&looks.0);
        let judge = move |result: Result<&u16, &Error<&str>>| {
            let _kept = &looks;
            result.map_or_else(Verdict::of_error, |_| Verdict::Success)
        };
        let users = ConfiguredPipeline::named("users").config(all()).classify(judge).build(&rt).unwrap();
        let (again, seen) = (users.clone(), Arc::clone(&looked));
        *place.lock().unwrap() = Some(Box::new(move || {
            let looked = again.clone();
            assert!(is_free(move || drop(looked.config())), "while the policies were locked");
            again.reconfigure(all()).unwrap();
            seen.store(true, SeqCst);
        }));
        assert_eq!(users.call(async |_| Ok::<_, &str>(200)).await, Ok(200));
        assert_eq!(users.reconfigure(PipelineConfig::default()).unwrap(), all());
        assert!(looked.load(SeqCst));
        // It was there for the later of the two.
        assert_eq!(users.config(), all());
    });
}

#[test]
fn it_can_be_shared_and_its_calls_spawned() {
    fn shared<T: Send + Sync + Unpin + 'static>(_: &T) {}
    on_sim(|rt: Sim| async move {
        let users = of(&rt, &all());
        shared(&users);
        let task = rt.spawn(async move {
            let text = String::from("local");
            let text = &text;
            let mut call = pin!(users.call(|_| async move { Ok::<_, std::fmt::Error>(text.len()) }));
            call.as_mut().await
        });
        assert_eq!(task.await.expect("no panic"), Ok(5));
    });
}
