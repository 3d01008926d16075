//! The table of metrics is what is emitted, what is described, and what the guide shows.

use crate::series::{assert_series, count, gauge, recorded, seconds};
use backstay::testing::Sim;
use backstay_core::observe::{METRICS, Metric, MetricKind, Metrics};
use backstay_core::resilience::{
    AdaptiveLimit, Backoff, Bulkhead, Chaos, CircuitBreaker, Error, Event, Fallback, HealthCheck, Hedge,
    InMemoryStore, LoadShed, Observer, Pipeline, Priority, Quota, RateLimiter, Retry, ServiceLimit,
    SharedRateLimiter, Throttle, Told, Verdict,
};
use backstay_core::task::{
    CancelReason, ChildExit, ChildSpec, Job, OnError, Shutdown, Supervisor, SupervisorEvent, WorkerPool,
    scope,
};
use backstay_core::{JoinError, Limit, Runtime};
use metrics::Unit;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use std::fmt::Write;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Calls that come to all that can come of a call.
async fn policies(rt: Sim, metrics: Metrics) {
    let breaker = CircuitBreaker::named("db").consecutive_failures(1).open_for(10 * SECOND);
    let breaker = breaker.observer(metrics.clone()).build().unwrap();
    let retry = Retry::builder().max_attempts(2).backoff(Backoff::constant(SECOND)).build().unwrap();
    let classify = |result: Result<&u32, &Error<&str>>| match result {
        Ok(_) => Verdict::Success,
        Err(Error::Operation("fatal")) => Verdict::Fatal,
        Err(error) => Verdict::of_error(error),
    };
    let users = Pipeline::named("users").observer(metrics.clone()).classify(classify).retry(retry);
    let users = users.attempt_timeout(3 * SECOND).build(&rt).unwrap();
    users.call(async |_| Ok(1)).await.unwrap();
    users.call(async |_| Err("down")).await.unwrap_err();
    users.call(async |_| Err("fatal")).await.unwrap_err();
    users.call(|_| pending()).await.unwrap_err();

    let hedge = Hedge::builder().max_hedges(2).delay(SECOND).build().unwrap();
    let replicas = Pipeline::named("replicas").observer(metrics.clone()).hedge(hedge).build(&rt).unwrap();
    let answer = replicas.call(async |attempt| match attempt.hedge() {
        0 => pending().await,
        1 => Err("down"),
        _ => Ok(1),
    });
    assert_eq!(answer.await, Ok(1));

    let chaos = Chaos::latency(SECOND).rate(1.0).build().unwrap();
    let trial = Pipeline::named("trial").observer(metrics.clone()).chaos(chaos).build(&rt).unwrap();
    assert_eq!(trial.call(async |_| Ok::<_, &str>(1)).await, Ok(1));

    let orders =
        Pipeline::named("orders").observer(metrics.clone()).fallback(Fallback::value(0)).breaker(&breaker);
    let orders = orders.build(&rt).unwrap();
    for _ in 0..2 {
        assert_eq!(orders.call(async |_| Err("down")).await.unwrap(), 0);
    }
    rt.sleep(10 * SECOND).await;
    assert_eq!(orders.call(async |_| Ok::<_, &str>(1)).await.unwrap(), 1);
    breaker.isolate();
    metrics.record("db", &breaker.metrics(rt.now()));

    let bulkhead = Bulkhead::named("files").max_in_flight(1).max_waiting(1).observer(metrics.clone());
    let bulkhead = bulkhead.build().unwrap();
    let place = bulkhead.acquire(&rt).await.unwrap();
    let mut waiting = Box::pin(bulkhead.acquire(&rt));
    assert!(rt.timeout(SECOND, &mut waiting).await.is_err());
    metrics.record(bulkhead.name(), &bulkhead);
    assert!(bulkhead.try_acquire().is_err());
    drop(place);
    drop(waiting.await.unwrap());

    let limit = AdaptiveLimit::named("search").initial_limit(1).max_waiting(1).observer(metrics.clone());
    let limit = limit.build().unwrap();
    let place = limit.acquire(&rt).await.unwrap();
    let mut waiting = Box::pin(limit.acquire(&rt));
    assert!(rt.timeout(SECOND, &mut waiting).await.is_err());
    metrics.record(limit.name(), &limit);
    limit.reconfigure(AdaptiveLimit::named("").initial_limit(3).min_limit(3)).unwrap();
    drop((place, waiting.await.unwrap()));

    let limiter =
        RateLimiter::named("api").quota(Quota::per_second(1)).observer(metrics.clone()).build().unwrap();
    drop(limiter.acquire(&rt).await.unwrap());
    let _ = limiter.acquire(&rt).await.unwrap();
    metrics.record(limiter.name(), &limiter);

    // It has room for one key, and this is another.
    let store = InMemoryStore::new().max_keys(Limit::ONE);
    let of = |key| SharedRateLimiter::named(key).quota(Quota::per_minute(1)).store(store.clone());
    of("mine").build().unwrap().try_acquire(&rt).await.unwrap();
    of("shared").observer(metrics.clone()).build().unwrap().try_acquire(&rt).await.unwrap();

    let service = ServiceLimit::named("geo").observer(metrics.clone()).build().unwrap();
    service.try_acquire(rt.now()).unwrap().told(&Told::new().retry_after(SECOND), rt.now(), 0);
    assert!(service.try_acquire(rt.now()).is_err());
    metrics.record(service.name(), &service);

    let throttle =
        Throttle::named("mail").min_requests(0).max_rejection(0.5).observer(metrics.clone()).build().unwrap();
    for random in [u64::MAX, 0] {
        let _ =
            throttle.try_acquire(Priority::Critical, rt.now(), random).map(|permit| permit.failure(rt.now()));
    }
    for priority in [Priority::Sheddable, Priority::Critical] {
        metrics.record(throttle.name(), &throttle.metrics(priority, rt.now()));
    }
    let shed = LoadShed::named("queue").observer(metrics.clone()).build().unwrap();
    metrics.record(shed.name(), &shed.metrics(rt.now()));

    let mut check = HealthCheck::named("cache").observer(metrics.clone()).build().unwrap();
    metrics.record(check.name(), &check.health());
    check.record(true);
}

#[test]
fn what_policies_tell_is_counted_and_timed() {
    let recorded = recorded(policies);
    let series = |name, expected: &[_]| assert_series(&recorded, name, expected);
    series(
        "backstay_calls_total",
        &[
            ("policy=orders,verdict=success", count(3)),
            ("policy=replicas,verdict=success", count(1)),
            ("policy=trial,verdict=success", count(1)),
            ("policy=users,verdict=failure", count(2)),
            ("policy=users,verdict=fatal", count(1)),
            ("policy=users,verdict=success", count(1)),
        ],
    );
    series(
        "backstay_call_duration_seconds",
        &[
            ("policy=orders,verdict=success", seconds([0.0; 3])),
            ("policy=replicas,verdict=success", seconds([1.0])),
            ("policy=trial,verdict=success", seconds([1.0])),
            // A retry after a second, and two attempts of three with a second between them.
            ("policy=users,verdict=failure", seconds([1.0, 7.0])),
            ("policy=users,verdict=fatal", seconds([0.0])),
            ("policy=users,verdict=success", seconds([0.0])),
        ],
    );
    series(
        "backstay_attempts_total",
        &[
            ("policy=orders", count(2)),
            ("policy=replicas", count(3)),
            ("policy=trial", count(1)),
            ("policy=users", count(6)),
        ],
    );
    series(
        "backstay_hedges_total",
        &[("policy=replicas,cause=delay", count(1)), ("policy=replicas,cause=failure", count(1))],
    );
    series("backstay_chaos_total", &[("policy=trial,chaos=latency", count(1))]);
    series("backstay_hedges_won_total", &[("policy=replicas", count(1))]);
    series("backstay_retries_total", &[("policy=users", count(2))]);
    series("backstay_retries_exhausted_total", &[("policy=users,reason=max_attempts", count(2))]);
    series(
        "backstay_rejections_total",
        &[
            ("policy=files,kind=bulkhead,reason=busy", count(1)),
            ("policy=geo,kind=service_limit,reason=paused", count(1)),
            ("policy=mail,kind=throttle,reason=throttled", count(1)),
            ("policy=orders,kind=circuit_breaker,reason=open", count(1)),
        ],
    );
    series("backstay_timeouts_total", &[("policy=users,scope=attempt", count(2))]);
    series(
        "backstay_queue_wait_seconds",
        &[
            ("policy=api,kind=rate_limiter", seconds([1.0])),
            ("policy=files,kind=bulkhead", seconds([1.0])),
            ("policy=search,kind=adaptive_limit", seconds([1.0])),
        ],
    );
    series("backstay_fallbacks_total", &[("policy=orders", count(2))]);
    series(
        "backstay_circuit_changes_total",
        &[
            ("policy=db,state=closed", count(1)),
            ("policy=db,state=half_open", count(1)),
            ("policy=db,state=isolated", count(1)),
            ("policy=db,state=open", count(1)),
        ],
    );
    series(
        "backstay_circuit_state",
        &[
            ("policy=db,state=closed", gauge(0.0)),
            ("policy=db,state=disabled", gauge(0.0)),
            ("policy=db,state=half_open", gauge(0.0)),
            ("policy=db,state=isolated", gauge(1.0)),
            ("policy=db,state=metrics_only", gauge(0.0)),
            ("policy=db,state=open", gauge(0.0)),
        ],
    );
    series("backstay_health_changes_total", &[("policy=cache,state=healthy", count(1))]);
    series(
        "backstay_health_state",
        &[
            ("policy=cache,state=healthy", gauge(1.0)),
            ("policy=cache,state=unhealthy", gauge(0.0)),
            ("policy=cache,state=unknown", gauge(0.0)),
        ],
    );
    series("backstay_service_limit_waiting", &[("policy=geo", gauge(0.0))]);
    series(
        "backstay_throttle_rejection_ratio",
        &[("policy=mail,priority=critical", gauge(0.5)), ("policy=mail,priority=sheddable", gauge(0.5))],
    );
    series("backstay_store_failures_total", &[("policy=shared,cause=error,instead=allow", count(1))]);
    series("backstay_load_shed_overloaded", &[("policy=queue", gauge(0.0))]);
    series("backstay_bulkhead_in_flight", &[("policy=files", gauge(1.0))]);
    series("backstay_bulkhead_waiting", &[("policy=files", gauge(1.0))]);
    series("backstay_bulkhead_max_in_flight", &[("policy=files", gauge(1.0))]);
    series("backstay_adaptive_limit", &[("policy=search", gauge(3.0))]);
    series("backstay_adaptive_limit_in_flight", &[("policy=search", gauge(1.0))]);
    series("backstay_adaptive_limit_waiting", &[("policy=search", gauge(1.0))]);
}

/// Pools, scopes, supervisors and a shutdown, with what happens to their tasks.
async fn tasks(rt: Sim, metrics: Metrics) {
    let pool = WorkerPool::builder().workers(1).queue(4).build(&rt).unwrap();
    assert!(pool.run(async { 1 }).await.is_ok());
    assert!(pool.run(Job::new(async { panic!("no") })).await.is_err());
    let _stuck = pool.submit(pending::<()>()).await.unwrap();
    let _behind = pool.submit(pending::<()>()).await.unwrap();
    rt.yield_now().await;
    // Said twice, it is so many all the same.
    metrics.record("pool", &pool.stats());
    metrics.record("pool", &pool.stats());

    let counting = metrics.clone();
    let ended = scope(&rt, |s| async move {
        let _finishes = s.spawn(async { Ok(()) });
        let _fails = s.spawn(async { Err::<(), _>("no") });
        let _stays = s.spawn(pending::<Result<(), &str>>());
        s.runtime().sleep(SECOND).await;
        counting.record("scope", &s.counts());
        s.cancel("enough");
        Ok(())
    });
    assert!(ended.on_error(OnError::Collect).await.is_err());

    let mut failures = 2;
    let child = ChildSpec::transient("fetch", move |_| {
        failures -= 1;
        std::future::ready(if failures < 0 { Ok(()) } else { Err("down") })
    });
    let supervisor = Supervisor::builder(&rt, "fetches").intensity(1).child(child).build().unwrap();
    let mut events = supervisor.events();
    let run = supervisor.run(&rt);
    let _ = run.await;
    while let Ok(event) = events.recv().await {
        metrics.record("fetches", &event);
    }

    let shutdown = Shutdown::new(&rt);
    shutdown.spawn(pending()).unwrap();
    shutdown.trigger("the end");
    let report =
        shutdown.run(futures::stream::pending::<CancelReason>()).drain(2 * SECOND).grace(SECOND).await;
    metrics.record("shutdown", &report);
    drop(pool);
}

#[test]
fn what_pools_and_tasks_are_at_is_recorded() {
    let recorded = recorded(tasks);
    let series = |name, expected: &[_]| assert_series(&recorded, name, expected);
    series("backstay_pool_workers", &[("policy=pool", gauge(1.0))]);
    series("backstay_pool_queued", &[("policy=pool", gauge(1.0))]);
    series("backstay_pool_running", &[("policy=pool", gauge(1.0))]);
    series(
        "backstay_pool_jobs_total",
        &[
            ("policy=pool,outcome=cancelled", count(0)),
            ("policy=pool,outcome=dropped", count(0)),
            ("policy=pool,outcome=finished", count(1)),
            ("policy=pool,outcome=panicked", count(1)),
            ("policy=pool,outcome=rejected", count(0)),
        ],
    );
    series("backstay_tasks_running", &[("policy=scope", gauge(1.0))]);
    series(
        "backstay_tasks_total",
        &[
            ("policy=scope,outcome=aborted", count(0)),
            ("policy=scope,outcome=cancelled", count(0)),
            ("policy=scope,outcome=failed", count(1)),
            ("policy=scope,outcome=finished", count(1)),
            ("policy=scope,outcome=lost", count(0)),
            ("policy=scope,outcome=not_started", count(0)),
            ("policy=scope,outcome=panicked", count(0)),
        ],
    );
    series("backstay_child_starts_total", &[("policy=fetches", count(2))]);
    series("backstay_child_exits_total", &[("policy=fetches,outcome=failed", count(2))]);
    series("backstay_child_restarts_total", &[("policy=fetches", count(1))]);
    series("backstay_supervisor_give_ups_total", &[("policy=fetches", count(1))]);
    series("backstay_shutdown_duration_seconds", &[("policy=shutdown", gauge(3.0))]);
    series(
        "backstay_shutdown_tasks",
        &[
            ("policy=shutdown,outcome=aborted", gauge(1.0)),
            ("policy=shutdown,outcome=cancelled", gauge(0.0)),
            ("policy=shutdown,outcome=finished", gauge(0.0)),
            ("policy=shutdown,outcome=panicked", gauge(0.0)),
            ("policy=shutdown,outcome=refused", gauge(0.0)),
            ("policy=shutdown,outcome=still_aborting", gauge(0.0)),
            ("policy=shutdown,outcome=still_blocking", gauge(0.0)),
        ],
    );
}

/// What is not in the table is a panic: there is a value for each way to end.
#[test]
fn each_end_of_a_child_has_its_value() {
    let recorded = recorded(async |rt, metrics| {
        let panicked = rt.spawn(async { panic!("on purpose") }).await;
        let Err::<(), _>(JoinError::Panicked(panic)) = panicked else { panic!("it panics") };
        let ends = [
            ChildExit::Finished,
            ChildExit::Failed("no"),
            ChildExit::Panicked(panic),
            ChildExit::Aborted,
            ChildExit::RuntimeEnded,
        ];
        for exit in ends {
            metrics.record("s", &SupervisorEvent::Exited { child: "a".into(), exit: Arc::new(exit) });
        }
        metrics.record("s", &SupervisorEvent::<()>::Stopped);
    });
    assert_series(
        &recorded,
        "backstay_child_exits_total",
        &[
            ("policy=s,outcome=aborted", count(1)),
            ("policy=s,outcome=failed", count(1)),
            ("policy=s,outcome=finished", count(1)),
            ("policy=s,outcome=lost", count(1)),
            ("policy=s,outcome=panicked", count(1)),
        ],
    );
}

#[test]
fn each_row_of_the_table_is_emitted_by_something() {
    let mut all = recorded(policies);
    all.extend(recorded(tasks));
    for Metric { name, .. } in METRICS {
        let start = format!("{name}{{");
        assert!(all.keys().any(|series| series.starts_with(&start)), "nothing emits {name}");
    }
}

#[test]
fn names_say_what_they_are() {
    for (at, metric) in METRICS.iter().enumerate() {
        let name = metric.name;
        assert!(METRICS[..at].iter().all(|other| other.name != name), "{name} is there twice");
        assert!(name.starts_with("backstay_"), "{name}");
        assert_eq!(name.ends_with("_total"), metric.kind == MetricKind::Counter, "{name}");
        assert_eq!(name.ends_with("_seconds"), metric.unit == Some(Unit::Seconds), "{name}");
        assert!(metric.kind != MetricKind::Histogram || metric.unit.is_some(), "{name}");
        assert_eq!((metric.labels[0].name, metric.labels[0].values.len()), ("policy", 0), "{name}");
        for label in &metric.labels[1..] {
            let is_plain = |value: &&str| value.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            assert!(!label.values.is_empty() && label.values.iter().all(is_plain), "{name}: {label:?}");
        }
    }
}

#[test]
fn all_are_described() {
    let recorder = DebuggingRecorder::new();
    let everything = || {
        Metrics::describe();
        for program in [true, false] {
            let outcome = Sim::builder().run(|rt: Sim| async move {
                if program { policies(rt, Metrics::new()).await } else { tasks(rt, Metrics::new()).await }
            });
            outcome.unwrap_or_else(|failure| panic!("{failure}"));
        }
    };
    metrics::with_local_recorder(&recorder, everything);
    for (key, unit, help, _) in recorder.snapshotter().snapshot().into_vec() {
        let metric = METRICS.iter().find(|metric| metric.name == key.key().name()).unwrap();
        assert_eq!((unit, help.as_deref()), (metric.unit, Some(metric.help)), "{}", metric.name);
    }
}

#[test]
fn a_recorder_that_is_set_later_hears_of_what_comes_then() {
    let metrics = Metrics::new();
    let call = || {
        let outcome = Sim::builder().run(|rt: Sim| {
            let metrics = metrics.clone();
            async move {
                let users = Pipeline::named("users").observer(metrics).build(&rt).unwrap();
                users.call(async |_| Ok::<_, &str>(())).await.unwrap();
            }
        });
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    };
    call();
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, call);
    call();
    let calls = recorder.snapshotter().snapshot().into_vec().into_iter();
    let calls: Vec<_> = calls.filter(|(key, ..)| key.key().name() == "backstay_calls_total").collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].3, DebugValue::Counter(1));
}

/// The table as the guide has it.
fn table() -> String {
    let mut table = String::from("| metric | kind | labels | what it says |\n|---|---|---|---|\n");
    for Metric { name, kind, labels, help, .. } in METRICS {
        let kind = format!("{kind:?}").to_lowercase();
        let labels = labels.iter().map(|label| match label.values {
            [] => format!("`{}`", label.name),
            values => format!("`{}`: {}", label.name, values.join(", ")),
        });
        let labels = labels.collect::<Vec<_>>().join("; ");
        writeln!(table, "| `{name}` | {kind} | {labels} | {help} |").unwrap();
    }
    table
}

#[test]
fn the_guide_has_the_table() {
    let guide = include_str!("../../../docs/guide/metrics.md");
    assert!(guide.contains(&table()), "the table of docs/guide/metrics.md should be:\n{}", table());
}

#[test]
fn a_pair_of_observers_is_one() {
    let recorded = recorded(async |rt, metrics| {
        let twice = (metrics.clone(), move |event: &Event| metrics.on_event(event));
        let users = Pipeline::named("users").observer(twice).build(&rt).unwrap();
        users.call(async |_| Ok::<_, &str>(())).await.unwrap();
    });
    assert_series(&recorded, "backstay_calls_total", &[("policy=users,verdict=success", count(2))]);
}

#[test]
fn a_name_that_is_empty_is_a_label_that_is_empty() {
    let recorded = recorded(async |_, metrics| metrics.record("", &Bulkhead::new(Limit::ONE)));
    assert_series(&recorded, "backstay_bulkhead_in_flight", &[("policy=", gauge(0.0))]);
}

#[test]
fn two_policies_of_one_name_are_told_apart_by_kind() {
    let recorded = recorded(async |rt, metrics| {
        let limiter =
            RateLimiter::named("x").quota(Quota::per_hour(1)).observer(metrics.clone()).build().unwrap();
        let bulkhead = Bulkhead::named("x").max_in_flight(1).observer(metrics).build().unwrap();
        let _place = bulkhead.acquire(&rt).await.unwrap();
        assert!(bulkhead.acquire(&rt).await.is_err());
        drop((0..2).map(|_| limiter.try_acquire(rt.now()).is_ok()).collect::<Vec<_>>());
    });
    assert_series(
        &recorded,
        "backstay_rejections_total",
        &[
            ("policy=x,kind=bulkhead,reason=queue_full", count(1)),
            ("policy=x,kind=rate_limiter,reason=rate_limited", count(1)),
        ],
    );
}
