//! Another answer, where runtimes differ: timers, tasks, blocking jobs.

use crate::kit::ms;
use backstay::test_on_every_runtime;
use backstay_core::resilience::{Bulkhead, Cause, Error, Fallback, Pipeline, Scope, Source};
use backstay_core::{JoinHandle, Limit, Runtime};
use std::future::pending;
use std::time::Duration;

test_on_every_runtime! {
    a_blocking_job_stands_in
    what_stands_in_has_what_is_left_of_the_time
    a_fallback_that_is_aborted_has_ended
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Broken;

async fn a_blocking_job_stands_in<R: Runtime>(rt: R) {
    let disk = Bulkhead::new(Limit::ONE);
    let from_disk = Fallback::operation({
        let (rt, disk) = (rt.clone(), disk.clone());
        move |_: &Error<Broken>| {
            let (rt, disk) = (rt.clone(), disk.clone());
            async move {
                disk.run_blocking(&rt, || Ok("of the disk".to_owned()))
                    .await
                    .map_err(|_: Error<Broken>| Broken)
            }
        }
    });
    let users =
        Pipeline::named("users").fallback(from_disk).attempt_timeout(ms(3)).build(&rt).expect("it is good");
    let task = rt.spawn(async move { users.call(async |_| pending().await).detailed().await });
    let answer = task.await.expect("no panic").expect("there is an answer");
    assert_eq!((answer.value.as_str(), answer.source, answer.attempts), ("of the disk", Source::Fallback, 1));
    assert_eq!(disk.in_flight(), 0);
}

async fn what_stands_in_has_what_is_left_of_the_time<R: Runtime>(rt: R) {
    let slow = Fallback::operation(|_: &Error<Broken>| pending::<Result<(), Broken>>());
    let users = Pipeline::named("users").deadline(ms(5)).fallback(slow).build(&rt).expect("it is good");
    let start = rt.now();
    let error = users.call(async |_| Err(Broken)).await.unwrap_err();
    let fallback = Cause::TimedOut { scope: Scope::Total, limit: ms(5) };
    assert_eq!(error, Error::FallbackFailed { primary: Cause::Operation(Broken), fallback });
    assert!(rt.now() - start >= ms(5));
}

async fn a_fallback_that_is_aborted_has_ended<R: Runtime>(rt: R) {
    let bulkhead = Bulkhead::new(Limit::ONE);
    let task = rt.spawn({
        let (rt, bulkhead) = (rt.clone(), bulkhead.clone());
        async move {
            let second = Fallback::operation(move |_: &Error<Broken>| {
                let bulkhead = bulkhead.clone();
                async move {
                    let _place = bulkhead.try_acquire();
                    pending::<Result<(), Broken>>().await
                }
            });
            second.run(&rt, async |_| Err(Broken)).await
        }
    });
    rt.sleep(ms(2)).await;
    task.abort();
    assert!(rt.timeout(Duration::from_secs(10), task).await.expect("it has ended").is_err());
    assert_eq!(bulkhead.in_flight(), 0);
}
