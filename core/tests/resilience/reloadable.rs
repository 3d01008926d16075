//! A pipeline that is replaced while calls are under way.

use crate::kit::{ms, on_sim, passed, secs};
use backstay::testing::{Explore, Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::resilience::{
    Attempt, Backoff, Bulkhead, CircuitBreaker, CircuitState, DynPipeline, Error, Pipeline, PolicyKind,
    Quota, RateLimiter, Reloadable, Retry,
};
use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Waker};
use std::time::Duration;

fn attempts(max: u32) -> Retry {
    Retry::builder().max_attempts(max).backoff(Backoff::constant(ms(10))).build().unwrap()
}

#[test]
fn a_call_under_way_ends_by_what_it_began_with_and_the_next_goes_by_the_new() {
    on_sim(|rt: Sim| async move {
        let users =
            |retries, limit| Pipeline::named("users").retry(attempts(retries)).attempt_timeout(ms(limit));
        let live = Reloadable::new(users(3, 50).build(&rt).unwrap());
        let seen = Cell::new(0);
        let hangs = async |attempt: Attempt| {
            seen.set(attempt.number());
            rt.sleep(secs(60)).await;
            Ok::<_, &str>(())
        };
        let start = rt.now();
        let mut old = Box::pin(live.call(hangs));
        let mut direct = Box::pin(async { live.current().call(hangs).await });
        for call in [&mut old as &mut (dyn Future<Output = _> + Unpin), &mut direct] {
            assert!(pin!(call).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        // One that is made, and not polled, has not begun.
        let unpolled = live.call(hangs);

        let before = live.reload(users(1, 20)).unwrap();
        assert_eq!(before.describe().to_string().lines().nth(2), Some("  attempt timeout: 50ms"));

        let error = unpolled.await.unwrap_err();
        assert!(matches!(error, Error::RetriesExhausted { attempts: 1, .. }), "{error:?}");
        assert_eq!((rt.now() - start, seen.get()), (ms(20), 1));
        let error = old.await.unwrap_err();
        assert!(matches!(error, Error::RetriesExhausted { attempts: 3, .. }), "{error:?}");
        assert_eq!((rt.now() - start, seen.get()), (3 * ms(50) + 2 * ms(10), 3));
        let error = direct.await.unwrap_err();
        assert!(matches!(error, Error::RetriesExhausted { attempts: 3, .. }), "{error:?}");
    });
}

#[test]
fn what_is_a_handle_keeps_its_state() {
    on_sim(|rt: Sim| async move {
        let breaker = CircuitBreaker::named("db").consecutive_failures(1).open_for(secs(9)).build().unwrap();
        let limiter =
            RateLimiter::named("db").quota(Quota::per_hour(1).burst(2)).max_wait(ms(0)).build().unwrap();
        let bulkhead = Bulkhead::named("db").max_in_flight(1).build().unwrap();
        let users = |timeout| {
            let users = Pipeline::named("users").rate_limit(&limiter).breaker(&breaker).bulkhead(&bulkhead);
            users.attempt_timeout(timeout)
        };
        let live = Reloadable::new(users(ms(50)).build(&rt).unwrap());
        let place = bulkhead.try_acquire().unwrap();
        assert!(live.call(async |_| Ok::<_, &str>(())).await.unwrap_err().is_refusal());
        drop(live.reload(users(ms(60))).unwrap());
        assert!(live.call(async |_| Ok::<_, &str>(())).await.unwrap_err().is_refusal(), "it is full still");
        drop(place);

        assert!(live.call(async |_| Err::<(), _>("down")).await.unwrap_err().operation().is_some());
        drop(live.reload(users(ms(70))).unwrap());
        assert_eq!(breaker.state(rt.now()), CircuitState::Open);
        let refused = live.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
        assert_eq!(refused.rejected().map(|it| it.policy()), Some(PolicyKind::CircuitBreaker));
        // Two permits: the first call's and the third's; who was refused inside gave its own back.
        let refused = live.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
        assert_eq!(refused.rejected().map(|it| it.policy()), Some(PolicyKind::CircuitBreaker));
        breaker.reset();
        live.call(async |_| Ok::<_, &str>(())).await.unwrap();
        drop(live.reload(users(ms(80))).unwrap());
        let refused = live.call(async |_| Ok::<_, &str>(())).await.unwrap_err();
        assert_eq!(refused.rejected().map(|it| it.policy()), Some(PolicyKind::RateLimiter));
    });
}

#[test]
fn one_that_is_wrong_changes_nothing() {
    on_sim(|rt: Sim| async move {
        let users = |deadline, timeout| {
            Pipeline::named("users").deadline(Duration::from_millis(deadline)).attempt_timeout(ms(timeout))
        };
        let live = Reloadable::new(users(100, 50).build(&rt).unwrap());
        let before = live.current().describe().to_string();
        for (deadline, timeout, field) in
            [(0, 50, "deadline"), (100, 0, "attempt_timeout"), (0, 0, "deadline")]
        {
            let error = live.reload(users(deadline, timeout)).unwrap_err();
            assert_eq!(error.field(), Some(field));
            assert_eq!(live.current().describe().to_string(), before);
        }
        assert_eq!(live.clone().call(async |it: Attempt| Ok::<_, &str>(it.remaining())).await, Ok(ms(50)));
    });
}

#[test]
fn an_erased_one_can_lose_and_gain_policies() {
    on_sim(|rt: Sim| async move {
        let plain = Pipeline::named("users").retry(attempts(2)).build(&rt).unwrap();
        let live: Reloadable<DynPipeline<u32, &str>> = Reloadable::new(plain.erase());
        let count = |attempt: Attempt| async move { Err(if attempt.is_retry() { "again" } else { "once" }) };
        assert_eq!(live.call(count).await.unwrap_err().operation(), Some(&"again"));

        let limited = Pipeline::named("users").deadline(secs(1)).attempt_timeout(ms(20)).build(&rt).unwrap();
        let before = live.replace(limited.erase());
        assert_eq!(live.call(count).await, Err(Error::Operation("once")));
        assert_eq!(live.call(|it| async move { Ok(it.remaining().as_millis() as u32) }).await, Ok(20));

        // And back.
        drop(live.replace(before));
        assert_eq!(live.call(count).await.unwrap_err().operation(), Some(&"again"));
        assert!(format!("{live:?}").starts_with("Reloadable(DynPipeline("), "{live:?}");
    });
}

#[test]
fn each_call_sees_one_version_whatever_the_schedule() {
    let scenario = |rt: Sim| async move {
        // Of the version `n`: `n` attempts, each with `n` milliseconds.
        let users = |n: u32| Pipeline::named("users").retry(attempts(n)).attempt_timeout(ms(u64::from(n)));
        let live = Reloadable::new(users(1).build(&rt).unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let (rt, live, stop) = (rt.clone(), live.clone(), stop.clone());
                rt.clone().spawn(async move {
                    let mut last = 0;
                    while !stop.load(SeqCst) {
                        let mut limits = Vec::new();
                        let failed = live
                            .call(|attempt| {
                                limits.push(attempt.remaining());
                                async { Err::<(), _>("down") }
                            })
                            .await;
                        assert!(failed.is_err());
                        let n = limits.len() as u32;
                        assert!(limits.iter().all(|limit| *limit == ms(u64::from(n))), "{limits:?}");
                        assert!(n >= last, "versions don't go back: {n} after {last}");
                        last = n;
                        rt.yield_now().await;
                    }
                })
            })
            .collect();
        for n in 2..=4 {
            rt.sleep(ms(7)).await;
            drop(live.reload(users(n)).unwrap());
        }
        rt.sleep(ms(50)).await;
        stop.store(true, SeqCst);
        for call in calls {
            call.await.expect("no panic");
        }
    };
    passed(Explore::seeds(0..100).run(scenario));
}

#[test]
fn wherever_a_call_is_cut_nothing_is_held() {
    type Erased = Reloadable<DynPipeline<u32, &'static str>>;

    let scenario = |rt: Sim, subject: Subject| async move {
        let bulkhead = Bulkhead::named("db").max_in_flight(1).max_waiting(2).build().unwrap();
        let limiter = RateLimiter::new(Quota::new(1, ms(5))).unwrap();
        let users = |retries, limit| {
            let users = Pipeline::named("users").retry(attempts(retries)).rate_limit(&limiter);
            users.bulkhead(&bulkhead).attempt_timeout(ms(limit))
        };
        let live = Reloadable::new(users(3, 50).build(&rt).unwrap());
        let erased: Erased = Reloadable::new(users(3, 50).build(&rt).unwrap().erase());
        let reload = rt.spawn({
            let (rt, live, erased) = (rt.clone(), live.clone(), erased.clone());
            let users = users(2, 40);
            async move {
                rt.sleep(ms(4)).await;
                drop(live.reload(users.clone()).unwrap());
                drop(erased.replace(users.build(&rt).unwrap().erase()));
            }
        });
        let call = {
            let (rt, live, erased) = (rt.clone(), live.clone(), erased.clone());
            async move {
                let fails_once = |attempt: Attempt| {
                    let rt = &rt;
                    async move {
                        rt.sleep(ms(3)).await;
                        if attempt.number() < 2 { Err("down") } else { Ok(attempt.number()) }
                    }
                };
                assert_eq!(live.call(fails_once).await, Ok(2));
                erased.call(fails_once).await
            }
        };
        subject.spawn(&rt, call).await;
        reload.await.expect("no panic");
        (bulkhead, limiter, erased)
    };
    let check = |rt: Sim, (bulkhead, limiter, erased): (Bulkhead, RateLimiter, Erased)| async move {
        assert_eq!((bulkhead.in_flight(), bulkhead.waiting(), limiter.waiting()), (0, 0, 0));
        rt.sleep(ms(10)).await;
        assert_eq!(limiter.available(rt.now()), 1);
        assert_eq!(erased.call(async |_| Ok(1)).await, Ok(1));
    };
    assert!(passed(cancel_sweep(scenario, check)).polls >= 6);
    passed(abort_sweep(scenario, check));
    passed(panic_sweep(scenario, check));
}

#[test]
fn it_is_as_shareable_as_its_pipeline() {
    fn shared<T: Send + Sync + Unpin + 'static>(_: &T) {}
    fn sent<T: Send>(it: T) -> T {
        it
    }
    on_sim(|rt: Sim| async move {
        let users = Pipeline::named("users").retry(attempts(2)).attempt_timeout(ms(50)).build(&rt).unwrap();
        let live = Reloadable::new(users.clone());
        let dynamic: Reloadable<DynPipeline<usize, std::fmt::Error>> = Reloadable::new(users.erase());
        shared(&live);
        shared(&dynamic);
        // Also where the operation borrows a local, and in a task.
        let task = rt.spawn(async move {
            let text = String::from("local");
            let text = &text;
            let first = sent(live.call(|_| async move { Ok::<_, std::fmt::Error>(text.len()) })).await;
            (first, sent(dynamic.call(|_| async move { Ok(text.len()) })).await)
        });
        assert_eq!(task.await.expect("no panic"), (Ok(5), Ok(5)));
    });
}
