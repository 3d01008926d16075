//! Retries on real clocks and timers, in tasks that really run at the same time.

use crate::kit::{SOON, drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::resilience::{
    AttemptTimeout, Backoff, Error, Jitter, Pipeline, Retry, RetryBudget, Stop, Verdict,
};
use backstay_core::{JoinHandle, Runtime};
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

test_on_every_runtime! {
    it_tries_until_it_succeeds
    b05_b32_no_attempt_is_early
    attempts_without_a_delay_are_not_a_millisecond_each
    delays_that_are_over_at_once_starve_nobody
    a_call_that_borrows_can_be_spawned
    b08_what_is_dropped_anywhere_gives_back_what_it_took
    b08_what_is_aborted_gives_back_what_it_took
    b09_tasks_together_get_no_more_than_there_is
    b10_the_error_before_a_deadline_is_kept
}

fn retry(max_attempts: u32, delay: u64) -> backstay_core::resilience::RetryBuilder {
    Retry::builder().max_attempts(max_attempts).backoff(Backoff::constant(ms(delay)))
}

async fn it_tries_until_it_succeeds<R: Runtime>(rt: R) {
    let retry = retry(5, 1).build().expect("it makes sense");
    let result =
        retry.run(&rt, |attempt| ready(if attempt.number() < 4 { Err(()) } else { Ok(attempt.number()) }));
    assert_eq!(result.await, Ok(4));
}

async fn b05_b32_no_attempt_is_early<R: Runtime>(rt: R) {
    for hint in [0, 900, 2_500].map(Duration::from_micros) {
        let retry = Retry::builder()
            .backoff(Backoff::constant(Duration::from_micros(1_700)).jitter(Jitter::Full))
            .classify(move |_: Result<&(), &Error<()>>| Verdict::failure().after(hint))
            .build()
            .expect("it makes sense");
        let mut before = None;
        let op = |_| {
            let now = rt.now();
            if let Some(before) = before.replace(now) {
                assert!(now - before >= hint, "{:?} of {hint:?}", now - before);
            }
            ready(Err(()))
        };
        assert!(retry.run(&rt, op).await.is_err());
    }
}

async fn delays_that_are_over_at_once_starve_nobody<R: Runtime>(rt: R) {
    let backoff = Backoff::constant(Duration::from_nanos(1));
    let retry = Retry::builder().max_attempts(u32::MAX).backoff(backoff).build().expect("it makes sense");
    // It would never end by itself: what is beside it has its turn.
    assert!(rt.timeout(ms(0), retry.run(&rt, |_| ready(Err::<(), _>(())))).await.is_err());
}

async fn attempts_without_a_delay_are_not_a_millisecond_each<R: Runtime>(rt: R) {
    let retry =
        Retry::builder().max_attempts(u32::MAX).backoff(Backoff::none()).build().expect("it makes sense");
    let start = rt.now();
    let op = |attempt: backstay_core::resilience::Attempt| {
        ready(if attempt.number() < 10_000 { Err(()) } else { Ok(()) })
    };
    assert_eq!(retry.run(&rt, op).await, Ok(()));
    // With a timer between them, it would be ten seconds.
    assert!(rt.now() - start < SOON / 2);
}

async fn a_call_that_borrows_can_be_spawned<R: Runtime>(rt: R) {
    let retry = retry(3, 1).retry_if(|error: &std::fmt::Error| *error == std::fmt::Error).build();
    let users =
        Pipeline::named("users").retry(retry.expect("it makes sense")).attempt_timeout(SOON).build(&rt);
    let users = users.expect("it makes sense");
    let task = rt.spawn({
        let rt = rt.clone();
        async move {
            let text = String::from("local");
            let (text, rt) = (&text, &rt);
            let call = users.call(|attempt| async move {
                rt.yield_now().await;
                if attempt.number() == 1 { Err(std::fmt::Error) } else { Ok(text.len()) }
            });
            call.await
        }
    });
    assert_eq!(task.await.expect("no panic"), Ok(5));
}

async fn b08_what_is_dropped_anywhere_gives_back_what_it_took<R: Runtime>(rt: R) {
    let budget = RetryBudget::token_bucket().capacity(10).build().expect("it makes sense");
    let retry = retry(9, 2).budget(&budget).build().expect("it makes sense");
    for polls in 0..12 {
        let op = |attempt: backstay_core::resilience::Attempt| async move {
            if attempt.number() == 1 { Err(()) } else { pending::<Result<(), ()>>().await }
        };
        assert_eq!(drop_after(&rt, polls, retry.run(&rt, op)).await, None);
        assert_eq!(budget.available(rt.now()), 2, "{polls}");
    }
}

async fn b08_what_is_aborted_gives_back_what_it_took<R: Runtime>(rt: R) {
    let budget = RetryBudget::ratio(0.0).min_per_second(1).build().expect("it makes sense");
    let tasks = [0, 1, 3].map(|delay| {
        let (own, budget) = (rt.clone(), budget.clone());
        let task = rt.spawn(async move {
            let retry = retry(9, 1).budget(&budget).build().expect("it makes sense");
            let op = |attempt: backstay_core::resilience::Attempt| async move {
                if attempt.number() == 1 { Err(()) } else { pending::<Result<(), ()>>().await }
            };
            retry.run(&own, op).await
        });
        (task, delay)
    });
    for (task, delay) in tasks {
        rt.sleep(ms(delay)).await;
        task.abort();
        let aborted = rt.timeout(SOON, task).await.expect("it has ended");
        assert!(aborted.is_err());
    }
    assert_eq!(budget.available(rt.now()), 10);
}

async fn b09_tasks_together_get_no_more_than_there_is<R: Runtime>(rt: R) {
    let budget = RetryBudget::token_bucket().capacity(100).build().expect("it makes sense");
    let calls = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (own, budget, calls) = (rt.clone(), budget.clone(), Arc::clone(&calls));
            rt.spawn(async move {
                let retry = Retry::builder().max_attempts(9).backoff(Backoff::none()).budget(&budget).build();
                let retry = retry.expect("it makes sense");
                for _ in 0..10 {
                    let result = retry.run(&own, |_| {
                        calls.fetch_add(1, Relaxed);
                        ready(Err::<(), _>(()))
                    });
                    assert!(matches!(result.await, Err(Error::RetriesExhausted { .. })));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
    // Eighty calls, and twenty retries among them.
    assert_eq!((calls.load(Relaxed), budget.available(rt.now())), (100, 0));
}

async fn b10_the_error_before_a_deadline_is_kept<R: Runtime>(rt: R) {
    let retry = retry(9, 1).build().expect("it makes sense");
    let users = Pipeline::named("users").attempt_timeout(AttemptTimeout::new(ms(15))).retry(retry).build(&rt);
    let users = users.expect("it makes sense");
    let op = |attempt: backstay_core::resilience::Attempt| async move {
        if attempt.number() == 1 { Err("boom") } else { pending::<Result<(), _>>().await }
    };
    let error = users.call(op).await.expect_err("it hangs");
    assert!(matches!(error, Error::RetriesExhausted { why: Stop::Deadline, .. }), "{error:?}");
    assert_eq!(error.operation(), Some(&"boom"));
}
