//! A call through all policies, in the default order, borrowed from and spawned.

use backstay::test_on_every_runtime;
use backstay_core::resilience::{
    Backoff, Bulkhead, CircuitBreaker, Error, Fallback, Pipeline, Retry, Scope, Source,
};
use backstay_core::{Limit, Runtime};
use std::time::Duration;

test_on_every_runtime! {
    a_call_that_borrows_a_local_goes_through_all_policies_in_a_task
    a_call_that_hangs_ends_by_its_deadline
}

const MS: Duration = Duration::from_millis(1);

async fn a_call_that_borrows_a_local_goes_through_all_policies_in_a_task<R: Runtime>(rt: R) {
    let (breaker, bulkhead) = (CircuitBreaker::named("db").build().unwrap(), Bulkhead::new(Limit::ONE));
    let users = Pipeline::named("users")
        .fallback(Fallback::value(0))
        .deadline(10_000 * MS)
        .retry(Retry::builder().backoff(Backoff::constant(MS)).build().unwrap())
        .breaker(&breaker)
        .bulkhead(&bulkhead)
        .attempt_timeout(5_000 * MS)
        .build(&rt)
        .unwrap();
    let erased = users.clone().erase();
    let task = rt.spawn({
        let (rt, users) = (rt.clone(), users.clone());
        async move {
            let text = String::from("local");
            let (text, rt) = (&text, &rt);
            let fails_once = |number: u32| async move {
                rt.sleep(MS).await;
                if number == 1 { Err("a reset") } else { Ok(text.len()) }
            };
            let answer = users.call(|attempt| fails_once(attempt.number())).detailed().await.unwrap();
            let same = erased.call(|attempt| fails_once(attempt.number())).await.unwrap();
            (answer.value, answer.source, answer.attempts, same)
        }
    });
    assert_eq!(task.await.expect("no panic"), (5, Source::Operation, 2, 5));

    let answer = users.call(async |_| Err::<usize, _>("down")).detailed().await.unwrap();
    assert_eq!((answer.value, answer.source, answer.attempts), (0, Source::Fallback, 3));
    assert_eq!(bulkhead.in_flight(), 0);
}

async fn a_call_that_hangs_ends_by_its_deadline<R: Runtime>(rt: R) {
    let bulkhead = Bulkhead::new(Limit::ONE);
    let users = Pipeline::named("users")
        .deadline(5 * MS)
        .retry(Retry::default())
        .bulkhead(&bulkhead)
        .attempt_timeout(60_000 * MS)
        .build(&rt)
        .unwrap();
    let start = rt.now();
    let error = users.call(|_| std::future::pending::<Result<(), &str>>()).await.unwrap_err();
    assert!(matches!(error, Error::TimedOut { scope: Scope::Total, .. }), "{error:?}");
    assert!(rt.now() - start >= 5 * MS);
    assert_eq!(bulkhead.in_flight(), 0);
}
