//! The same stack on every runtime, and tower's own off tokio.

use super::kit::{echo, ms};
use backstay::testing::test_on_every_runtime;
use backstay::{BlockOn, Config, Runtime};
use backstay_core::resilience::{Bulkhead, Error, Pipeline, Quota, RateLimiter, Retry};
use backstay_tower::{BulkheadLayer, PipelineLayer, RateLimitLayer, TimeoutLayer};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);

test_on_every_runtime! { the_same_stack_runs_on_every_runtime }

async fn the_same_stack_runs_on_every_runtime<R: Runtime>(rt: R) {
    let limiter = RateLimiter::new(Quota::per_second(100).burst(100)).expect("a good quota");
    let bulkhead =
        Bulkhead::named("db").max_in_flight(5).max_waiting(usize::MAX).build().expect("it is good");
    let mut service = ServiceBuilder::new()
        .layer(RateLimitLayer::new(&rt, &limiter).flat())
        .layer(BulkheadLayer::new(&rt, &bulkhead).flat())
        .layer(TimeoutLayer::attempt(&rt, SECOND).expect("not zero"))
        .service(echo(&rt));
    assert_eq!(service.ready().await.expect("ready").call(7).await, Ok(7));

    // And its timer fires.
    let never = tower::service_fn(|()| std::future::pending::<Result<(), &str>>());
    let mut service =
        ServiceBuilder::new().layer(TimeoutLayer::attempt(&rt, ms(2)).expect("not zero")).service(never);
    let start = rt.now();
    let error = service.ready().await.expect("ready").call(()).await.expect_err("it hangs");
    assert!(matches!(error, Error::TimedOut { .. }) && rt.now() - start >= ms(2));
}

/// Many share a stack through tower's buffer, whose task asks for readiness in their stead.
#[test]
fn a_buffer_around_policies_has_their_limit_and_their_errors() {
    const PLACES: usize = 2;

    let owner = backstay::tokio::TokioOwner::new(Config::new()).expect("a good configuration");
    let rt = owner.runtime().clone();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let bulkhead = Bulkhead::named("db").max_in_flight(PLACES).max_waiting(usize::MAX).build().expect("good");
    let users = Pipeline::named("users").retry(Retry::default()).build(&rt).expect("it is good");
    let counted = Arc::clone(&most);
    owner.block_on(async {
        let service = ServiceBuilder::new()
            .buffer::<u32>(3)
            .layer(BulkheadLayer::new(&rt, &bulkhead).flat())
            .layer(PipelineLayer::new(users))
            .service_fn({
                let rt = rt.clone();
                move |request: u32| {
                    let (rt, running, most) = (rt.clone(), Arc::clone(&running), Arc::clone(&counted));
                    async move {
                        most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                        rt.sleep(ms(2)).await;
                        running.fetch_sub(1, SeqCst);
                        if request == 7 {
                            Err(io::Error::from(io::ErrorKind::InvalidInput))
                        } else {
                            Ok(request)
                        }
                    }
                }
            });
        let calls: Vec<_> = (0..10).map(|n| (n, rt.spawn(service.clone().oneshot(n)))).collect();
        for (n, call) in calls {
            let result: Result<u32, BoxError> = call.await.expect("no panic");
            match result {
                Ok(response) => assert_eq!((response, n == 7), (n, false)),
                Err(error) => {
                    // The buffer's error is the policies', in a box.
                    let error = error.downcast::<Error<io::Error>>().expect("one level");
                    assert_eq!(
                        (n, error.operation().map(io::Error::kind)),
                        (7, Some(io::ErrorKind::InvalidInput))
                    );
                }
            }
        }
    });
    assert!((1..=PLACES).contains(&most.load(SeqCst)), "{most:?}");
    assert_eq!((bulkhead.in_flight(), bulkhead.waiting()), (0, 0));
}

/// What somebody panics with, on smol.
fn panics_on_smol<F: Future>(future: F) -> String {
    let owner = backstay::smol::SmolOwner::new(Config::new()).expect("a good configuration");
    let panic =
        catch_unwind(AssertUnwindSafe(|| drop(owner.block_on(future)))).expect_err("it does not panic");
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic.downcast::<&str>().map_or_else(|_| String::new(), |text| (*text).to_owned()),
    }
}

#[test]
fn towers_own_stack_panics_off_tokio() {
    let inner = tower::service_fn(|request: u32| async move { Ok::<_, &'static str>(request) });
    let message = panics_on_smol(async {
        ServiceBuilder::new()
            .rate_limit(100, SECOND)
            .concurrency_limit(5)
            .timeout(SECOND)
            .service(inner)
            .ready()
            .await
            .map(drop)
    });
    assert!(message.contains("there is no reactor running"), "{message}");

    let message = panics_on_smol(async {
        let mut service = ServiceBuilder::new().timeout(SECOND).service(inner);
        service.ready().await.expect("ready").call(7).await
    });
    assert!(message.contains("there is no reactor running"), "{message}");

    let message = panics_on_smol(async { ServiceBuilder::new().buffer::<u32>(5).service(inner) });
    assert!(message.contains("there is no reactor running"), "{message}");
}
