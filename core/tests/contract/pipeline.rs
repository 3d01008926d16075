//! What has to compile: a call that borrows, spawned.

use crate::kit::ms;
use backstay::test_on_every_runtime;
use backstay_core::resilience::{
    Attempt, AttemptTimeout, Bulkhead, Cause, CircuitBreaker, CircuitState, ConfiguredPipeline, Error,
    Fallback, Pipeline, PipelineConfig, Reloadable, Source, TotalTimeout,
};
use backstay_core::time::Deadline;
use backstay_core::{JoinHandle, Limit, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

test_on_every_runtime! {
    a_call_that_borrows_a_local_can_be_spawned
    policies_alone_can_be_spawned_too
    a_pipeline_is_shared_by_tasks
    a_call_that_is_aborted_leaves_nothing_behind
    a_pipeline_is_replaced_while_tasks_call
    a_configuration_is_replaced_while_tasks_call
}

/// An error of our own: a call in a task needs one without a lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Broken;

async fn a_call_that_borrows_a_local_can_be_spawned<R: Runtime>(rt: R) {
    let bulkhead = Bulkhead::named("users").max_in_flight(2).max_waiting(8).build().expect("it is good");
    let second = rt.clone();
    let users = Pipeline::named("users")
        .fallback(Fallback::value(0).when(|error: &Error<Broken>| error.is_timeout()))
        .fallback(Fallback::from_error(|error: &Error<Broken>| error.to_string().len()))
        .fallback(Fallback::operation(move |error: &Error<Broken>| {
            let (rt, why) = (second.clone(), error.operation().copied());
            async move {
                rt.sleep(ms(1)).await;
                Err(why.unwrap_or(Broken))
            }
        }))
        .deadline(TotalTimeout::new(Duration::from_secs(60)).grace(ms(5)))
        .bulkhead(&bulkhead.weighing(Limit::ONE))
        .attempt_timeout(AttemptTimeout::new(Duration::from_secs(30)).grace(ms(5)))
        .attempt_timeout(Duration::from_secs(20))
        .build(&rt)
        .expect("it is good");
    let task = rt.spawn({
        let rt = rt.clone();
        async move {
            let text = String::from("local");
            let (text, rt) = (&text, &rt);
            let deadline = Deadline::after(rt, Duration::from_secs(50));
            let answer = users
                .call(|attempt: Attempt| async move {
                    rt.sleep(ms(1)).await;
                    if attempt.number() == 1 { Ok(text.len()) } else { Err(Broken) }
                })
                .within(deadline)
                .detailed()
                .await
                .expect("it is in time");
            assert_eq!((answer.source, answer.attempts), (Source::Operation, 1));
            let failed = users
                .call(|_| async move {
                    rt.sleep(ms(1)).await;
                    assert!(!text.is_empty());
                    Err(Broken)
                })
                .detailed()
                .await
                .expect("there is an answer");
            assert_eq!(failed.source, Source::Fallback);
            // The same, shown what came before.
            let shown = users.call_with_last(|_, last: Option<&Cause<Broken>>| {
                let is_first = last.is_none();
                async move { if is_first { Ok(text.len()) } else { Err(Broken) } }
            });
            answer.value + text.len() + failed.value + shown.await.expect("it is the first")
        }
    });
    let text = "the operation failed, and so did its fallback";
    assert_eq!(task.await.expect("no panic"), 15 + text.len());
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

async fn policies_alone_can_be_spawned_too<R: Runtime>(rt: R) {
    let bulkhead = Bulkhead::new(Limit::ONE);
    let task = rt.spawn({
        let (rt, bulkhead) = (rt.clone(), bulkhead.clone());
        async move {
            let (text, count) = (String::from("local"), AtomicUsize::new(0));
            let (text, count, rt) = (&text, &count, &rt);
            let op = |_: Attempt| async move {
                rt.sleep(ms(1)).await;
                count.fetch_add(text.len(), SeqCst);
                Err::<(), _>(Broken)
            };
            let second = Duration::from_secs(30);
            bulkhead.run(rt, op).await.unwrap_err();
            AttemptTimeout::new(second).run(rt, op).await.unwrap_err();
            TotalTimeout::new(second).grace(second).run(rt, op).await.unwrap_err();
            Fallback::value(()).run(rt, op).await.expect("there is an answer");
            Fallback::operation(|_: &Error<Broken>| async { Ok(()) })
                .run(rt, op)
                .await
                .expect("there is an answer");
            drop(bulkhead.acquire(rt).await.expect("it is free"));
            drop(bulkhead.acquire_owned(rt).await.expect("it is free"));
            bulkhead.run_blocking(rt, || Ok::<_, Broken>(())).await.expect("it is free");
            Deadline::after(rt, second)
                .run(rt, op(first_attempt(rt).await))
                .await
                .expect("in time")
                .unwrap_err();
            count.load(SeqCst)
        }
    });
    assert_eq!(task.await.expect("no panic"), 30);
    assert_eq!(bulkhead.in_flight(), 0);
}

/// An attempt, out of a call.
async fn first_attempt<R: Runtime>(rt: &R) -> Attempt {
    let timeout = AttemptTimeout::new(Duration::from_secs(30));
    timeout.run(rt, async |attempt| Ok::<_, Broken>(attempt)).await.expect("in time")
}

async fn a_pipeline_is_shared_by_tasks<R: Runtime>(rt: R) {
    let bulkhead = Bulkhead::named("b").max_in_flight(3).max_waiting(usize::MAX).build().expect("it is good");
    let users = Pipeline::named("users")
        .fallback(Fallback::value(1))
        .deadline(Duration::from_secs(60))
        .bulkhead(&bulkhead)
        .attempt_timeout(Duration::from_secs(30))
        .build(&rt)
        .expect("it is good");
    let (inside, fallen_back) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..12)
        .map(|task: usize| {
            let (rt, users) = (rt.clone(), users.clone());
            let (inside, fallen_back) = (Arc::clone(&inside), Arc::clone(&fallen_back));
            rt.clone().spawn(async move {
                let op = |_: Attempt| {
                    let (rt, inside) = (&rt, &inside);
                    async move {
                        assert!(inside.fetch_add(1, SeqCst) < 3);
                        rt.yield_now().await;
                        inside.fetch_sub(1, SeqCst);
                        if task.is_multiple_of(2) { Ok(0) } else { Err(Broken) }
                    }
                };
                let value = users.call(op).await.expect("there is an answer");
                fallen_back.fetch_add(value, SeqCst);
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!((fallen_back.load(SeqCst), bulkhead.in_flight(), bulkhead.waiting()), (6, 0, 0));
}

async fn a_call_that_is_aborted_leaves_nothing_behind<R: Runtime>(rt: R) {
    let bulkhead = Bulkhead::named("b").max_in_flight(1).max_waiting(8).build().expect("it is good");
    let users = Pipeline::named("users")
        .deadline(TotalTimeout::new(Duration::from_secs(60)).grace(ms(5)))
        .bulkhead(&bulkhead)
        .build(&rt)
        .expect("it is good");
    let tasks = [(); 4].map(|()| {
        let users = users.clone();
        rt.spawn(
            async move { users.call(async |_| std::future::pending::<Result<(), Broken>>().await).await },
        )
    });
    rt.sleep(ms(2)).await;
    for task in &tasks {
        task.abort();
    }
    for task in tasks {
        assert!(task.await.is_err_and(|error| error.is_aborted()));
    }
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
    assert!(bulkhead.try_acquire().is_ok());
}

async fn a_pipeline_is_replaced_while_tasks_call<R: Runtime>(rt: R) {
    let bulkhead = Bulkhead::named("b").max_in_flight(2).max_waiting(usize::MAX).build().expect("it is good");
    // Of the version `n`: the fallback is `n`, and so is the limit in minutes.
    let users = |n: u64| {
        let limit = Duration::from_secs(60 * n);
        Pipeline::named("users").fallback(Fallback::value(n)).bulkhead(&bulkhead).attempt_timeout(limit)
    };
    let live = Reloadable::new(users(1).build(&rt).expect("it is good"));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (rt, live) = (rt.clone(), live.clone());
            rt.clone().spawn(async move {
                let mut last = 0;
                while last < 5 {
                    let seen = AtomicUsize::new(0);
                    let op = |attempt: Attempt| {
                        let (rt, seen) = (&rt, &seen);
                        async move {
                            seen.store(attempt.remaining().as_secs().div_ceil(60) as usize, SeqCst);
                            rt.yield_now().await;
                            Err::<u64, _>(Broken)
                        }
                    };
                    let version = live.call(op).await.expect("there is an answer");
                    assert_eq!(version as usize, seen.load(SeqCst), "one version in all of a call");
                    assert!(version >= last);
                    last = version;
                    rt.sleep(ms(1)).await;
                }
            })
        })
        .collect();
    for n in 2..=5 {
        rt.sleep(ms(1)).await;
        drop(live.reload(users(n)).expect("it is good"));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

async fn a_configuration_is_replaced_while_tasks_call<R: Runtime>(rt: R) {
    let mut config = PipelineConfig::default();
    config.breaker = Some(CircuitBreaker::named("").consecutive_failures(1_000).into());
    config.bulkhead = Some(Bulkhead::named("").max_in_flight(2).max_waiting(usize::MAX).into());
    config.attempt_timeout = Some(Duration::from_secs(60).into());
    let users = ConfiguredPipeline::named("users").config(config.clone()).build(&rt).expect("it is good");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (rt, users) = (rt.clone(), users.clone());
            rt.clone().spawn(async move {
                let mut limit = Duration::ZERO;
                while limit < Duration::from_secs(300) {
                    let op = |attempt: Attempt| {
                        let rt = &rt;
                        async move {
                            rt.yield_now().await;
                            Ok::<_, Broken>(attempt.remaining())
                        }
                    };
                    let now = users.call(op).await.expect("nothing fails");
                    assert!(now >= limit);
                    limit = now;
                    rt.sleep(ms(1)).await;
                }
            })
        })
        .collect();
    for minutes in 2..=5 {
        rt.sleep(ms(1)).await;
        config.bulkhead = Some(Bulkhead::named("").max_in_flight(minutes).max_waiting(usize::MAX).into());
        config.attempt_timeout = Some(Duration::from_secs(60 * minutes as u64).into());
        users.reconfigure(config.clone()).expect("it is good");
    }
    for task in tasks {
        task.await.expect("no panic");
    }
    let bulkhead = users.bulkhead().expect("there is one");
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting(), bulkhead.max_in_flight()), (0, 0, 5));
    assert_eq!(users.breaker().map(|breaker| breaker.state(rt.now())), Some(CircuitState::Closed));
}
