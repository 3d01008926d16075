//! What policies tell, as events of tracing.

use crate::recorder::Trace;
use backstay::testing::Sim;
use backstay_core::observe::Tracing;
use backstay_core::resilience::{
    AdaptiveLimit, Backoff, Bulkhead, Chaos, CircuitBreaker, Fallback, HealthCheck, Hedge, InMemoryStore,
    OnStoreFailure, Pipeline, Quota, Retry, SharedRateLimiter,
};
use backstay_core::{Limit, Runtime};
use std::future::pending;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// All kinds of events, each in turn.
async fn policies(rt: Sim) {
    let tracing = Tracing::new();
    let breaker = CircuitBreaker::named("db").consecutive_failures(1).open_for(SECOND).observer(tracing);
    let breaker = breaker.build().unwrap();
    let retry = Retry::builder().max_attempts(2).backoff(Backoff::constant(SECOND)).build().unwrap();
    let users = Pipeline::named("users").observer(tracing).fallback(Fallback::value(0)).retry(retry);
    let users = users.breaker(&breaker).attempt_timeout(3 * SECOND).build(&rt).unwrap();
    users.call(|_| pending::<Result<u32, &str>>()).await.unwrap();
    users.call(async |_| Ok::<_, &str>(1)).await.unwrap();

    let hedge = Hedge::builder().delay(SECOND).build().unwrap();
    let replicas = Pipeline::named("replicas").observer(tracing).hedge(hedge).build(&rt).unwrap();
    let answer =
        replicas.call(async |attempt| if attempt.is_hedge() { Ok::<_, &str>(1) } else { pending().await });
    assert_eq!(answer.await, Ok(1));

    let chaos = Chaos::latency(SECOND).rate(1.0).build().unwrap();
    let trial = Pipeline::named("trial").observer(tracing).chaos(chaos).build(&rt).unwrap();
    assert_eq!(trial.call(async |_| Ok::<_, &str>(1)).await, Ok(1));

    let bulkhead =
        Bulkhead::named("files").max_in_flight(1).max_waiting(1).observer(tracing).build().unwrap();
    let place = bulkhead.acquire(&rt).await.unwrap();
    let mut waiting = Box::pin(bulkhead.acquire(&rt));
    assert!(rt.timeout(SECOND, &mut waiting).await.is_err());
    assert!(bulkhead.try_acquire().is_err());
    drop(place);
    drop(waiting.await.unwrap());

    let limit = AdaptiveLimit::named("search").initial_limit(10).observer(tracing).build().unwrap();
    limit.try_acquire(rt.now()).unwrap().overloaded(rt.now());

    // It has room for one key, and this is another.
    let store = InMemoryStore::new().max_keys(Limit::ONE);
    let of = |key| SharedRateLimiter::named(key).quota(Quota::per_minute(1)).store(store.clone());
    of("mine").build().unwrap().try_acquire(&rt).await.unwrap();
    let shared = of("shared").on_store_failure(OnStoreFailure::Deny).observer(tracing).build().unwrap();
    assert!(shared.try_acquire(&rt).await.is_err());

    let mut check = HealthCheck::named("cache").observer(tracing).build().unwrap();
    check.record(true);
    (0..10).for_each(|_| _ = check.record(false));
}

#[test]
fn each_event_has_its_level_and_fields() {
    let trace = Trace::new();
    let outcome = Sim::builder().run(|rt: Sim| trace.run(policies(rt)));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let events = trace.events();
    assert!(events.iter().all(|(path, event)| path.is_empty() && event.target == "backstay::policy"));
    let told = events.into_iter().map(|(_, event)| {
        let mut fields = event.fields;
        let (policy, name) = (fields.remove("policy").unwrap(), fields.remove("event").unwrap());
        let message = fields.remove("message").unwrap();
        let rest: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {policy} {name} {}: {message}", event.level, rest.join(" "))
    });
    let expected = include_str!("events.txt");
    assert_eq!(told.collect::<Vec<_>>().join("\n") + "\n", expected);
}
