//! Those of supervisors, pools, scopes and the shutdown.

use crate::kit::{documented, fields, read, refused_at, round_trip};
use backstay::testing::Sim;
use backstay_core::resilience::{Bulkhead, HealthCheck, KeyedRateLimiter, KeyedRateLimiterConfig};
use backstay_core::stream::{BatchConfig, FlowExt, ShareConfig};
use backstay_core::task::{
    AutoShutdown, ChildSpec, OnError, OnPanic, PoolOverflow, Priority, Restart, RestartDelay, Shutdown,
    ShutdownConfig, StopLimit, Strategy, Supervisor, SupervisorConfig, SupervisorEvent, WorkerPool,
    WorkerPoolBuilder,
};
use backstay_core::{Limit, Runtime};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Each variant is written as its name, and read from it.
fn names<T: Serialize + for<'de> Deserialize<'de> + PartialEq + Debug + Copy>(table: &[(&str, T)]) {
    for (name, value) in table {
        let file: BTreeMap<String, T> = read(&format!("key = {name}"));
        assert_eq!(file["key"], *value, "{name}");
        round_trip(&file);
    }
}

#[test]
fn a_supervisor_is_as_the_file_says() {
    Sim::builder().run(|rt: Sim| async move { supervisor(&rt) }).unwrap();
}

fn supervisor(rt: &Sim) {
    let builder = || Supervisor::<Sim, String>::builder(rt, "all");
    assert_eq!(&read::<SupervisorConfig>(""), builder().as_config());
    assert_eq!(builder().as_config(), &SupervisorConfig::default());
    let source = include_str!("../../src/task/supervisor/config.rs");
    assert_eq!(fields::<SupervisorConfig>(), documented(source, "SupervisorConfig"));
    // Its builder has no table: what is said of a default is of these.
    for field in fields::<SupervisorConfig>() {
        assert!(source.contains(&format!("pub fn {field}(mut self")), "{field}");
    }

    let text = "strategy = 'rest_for_one'\nintensity = 5\nperiod = '1m'\nauto_shutdown = 'any_significant'\n\
                event_capacity = 16\n[restart_delay]\ninitial = '100ms'\nmax = '10s'\njitter = 20\nstable_after = '1m'";
    let config: SupervisorConfig = read(text);
    let delay = RestartDelay::doubling(SECOND / 10, 10 * SECOND).jitter(20).stable_after(60 * SECOND);
    let same = builder()
        .strategy(Strategy::RestForOne)
        .intensity(5)
        .period(60 * SECOND)
        .auto_shutdown(AutoShutdown::AnySignificant)
        .event_capacity(Limit::new(16).unwrap())
        .restart_delay(delay);
    assert_eq!(&config, same.as_config());
    round_trip(&config);
    round_trip(&SupervisorConfig::default());
    assert!(builder().config(config).build().is_ok());
    assert_eq!(read::<RestartDelay>(""), RestartDelay::default());
    assert_eq!(
        read::<RestartDelay>("initial = '1s'\nmax = '9s'"),
        RestartDelay::doubling(SECOND, 9 * SECOND)
    );

    let delay = |rest: &str| format!("[restart_delay]\n{rest}");
    for (text, line, words) in [
        ("\nperiod = '0s'".to_owned(), 2, "invalid `period` = 0s: must be longer than zero"),
        (
            "strategy = 'one'".to_owned(),
            1,
            "expected one of `one_for_one`, `one_for_all`, `rest_for_one`, `dynamic`",
        ),
        ("event_capacity = 0".to_owned(), 1, "invalid `event_capacity` = 0: must be at least 1"),
        ("intensity = -1".to_owned(), 1, "invalid `intensity` = -1: must be at least 0"),
        (delay("max = '1s'"), 1, "invalid `initial`: must be given"),
        (delay("initial = '1s'"), 1, "invalid `max`: must be given"),
        (delay("initial = '2s'\nmax = '1s'"), 1, "invalid `max` = 1s: must not be less than `initial`"),
        (delay("initial = '0s'"), 2, "invalid `initial` = 0s: must be longer than zero"),
        (delay("jitter = 101"), 2, "invalid `jitter` = 101: must be within 0..=100 percent"),
        (delay("jitter = 300"), 2, "invalid `jitter` = 300: must be within 0..=100 percent"),
    ] {
        refused_at::<SupervisorConfig>(&text, line, words);
    }
}

#[test]
fn the_defaults_are_those_of_the_tables() {
    let written = |text: Result<String, toml::ser::Error>| text.unwrap().replace('"', "'");
    assert_eq!(
        written(toml::to_string(&SupervisorConfig::default())),
        "strategy = 'one_for_one'\nintensity = 1\nperiod = '5s'\nauto_shutdown = 'never'\nevent_capacity = 256\n\n\
         [restart_delay]\n"
    );
    assert_eq!(
        written(toml::to_string(&WorkerPoolBuilder::default())),
        "workers = 4\nqueue = 256\noverflow = 'wait'\n"
    );
    assert_eq!(
        written(toml::to_string(&ShutdownConfig::default())),
        "drain = '10s'\ngrace = '5s'\nabort_wait = '100ms'\n"
    );
    let delay = RestartDelay::doubling(SECOND, 9 * SECOND);
    let text = "initial = '1s'\nmax = '9s'\njitter = 50\nstable_after = '9s'\n";
    assert_eq!(written(toml::to_string(&delay)), text);
}

#[test]
fn children_and_scopes_are_told_by_name_what_to_do() {
    names(&[
        ("'permanent'", Restart::Permanent),
        ("'transient'", Restart::Transient),
        ("'temporary'", Restart::Temporary),
    ]);
    names(&[
        ("'brutal'", StopLimit::Brutal),
        ("'unlimited'", StopLimit::Unlimited),
        ("{ within = '2s' }", StopLimit::Within(2 * SECOND)),
    ]);
    names(&[
        ("'never'", AutoShutdown::Never),
        ("'any_significant'", AutoShutdown::AnySignificant),
        ("'all_significant'", AutoShutdown::AllSignificant),
    ]);
    names(&[
        ("'one_for_one'", Strategy::OneForOne),
        ("'one_for_all'", Strategy::OneForAll),
        ("'rest_for_one'", Strategy::RestForOne),
        ("'dynamic'", Strategy::Dynamic),
    ]);
    names(&[
        ("'cancel_siblings'", OnError::CancelSiblings),
        ("'collect'", OnError::Collect),
        ("'isolate'", OnError::Isolate),
    ]);
    names(&[("'resume'", OnPanic::Resume), ("'report'", OnPanic::Report)]);
    names(&[("'low'", Priority::Low), ("'normal'", Priority::Normal), ("'high'", Priority::High)]);
    names(&[
        ("'wait'", PoolOverflow::Wait),
        ("'reject'", PoolOverflow::Reject),
        ("'drop_oldest'", PoolOverflow::DropOldest),
        ("'drop_newest'", PoolOverflow::DropNewest),
    ]);
    refused_at::<BTreeMap<String, StopLimit>>("key = { within = 5 }", 1, "it has no unit");
}

#[test]
fn a_pool_is_as_the_file_says() {
    assert_eq!(read::<WorkerPoolBuilder>(""), WorkerPool::builder());
    assert_eq!(WorkerPoolBuilder::default(), WorkerPool::builder());
    let source = include_str!("../../src/task/worker_pool/config.rs");
    let mut table = documented(source, "WorkerPoolBuilder");
    // In the column of what is refused, and of the default.
    assert_eq!(fields::<WorkerPoolBuilder>(), {
        table.retain(|name| !name.contains("::"));
        table
    });
    let config: WorkerPoolBuilder = read("workers = 8\nqueue = 16\noverflow = 'reject'");
    assert_eq!(config, WorkerPool::builder().workers(8).queue(16).overflow(PoolOverflow::Reject));
    round_trip(&config);
    for (text, words) in [
        ("workers = 0", "invalid `workers` = 0: must be at least 1 and at most 65,536"),
        ("workers = 65537", "invalid `workers` = 65537: must be at least 1 and at most 65,536"),
        ("queue = 0", "invalid `queue` = 0: must be at least 1"),
        ("queues = 1", "unknown field `queues`, expected one of `workers`, `queue`, `overflow`"),
    ] {
        refused_at::<WorkerPoolBuilder>(text, 1, words);
    }
}

#[test]
fn a_shutdown_has_the_time_that_the_file_says() {
    assert_eq!(read::<ShutdownConfig>(""), ShutdownConfig::default());
    let source = include_str!("../../src/task/shutdown/config.rs");
    assert_eq!(fields::<ShutdownConfig>(), documented(source, "ShutdownConfig"));
    let config: ShutdownConfig = read("drain = '30s'\ngrace = '0s'\nabort_wait = '1s'");
    round_trip(&config);
    refused_at::<ShutdownConfig>("drain = 30", 1, "invalid `drain` = 30: it has no unit");
    Sim::builder()
        .run(move |rt: Sim| async move {
            let shutdown = Shutdown::new(&rt);
            let none = || futures::stream::empty::<&'static str>();
            assert_eq!(shutdown.run(none()).as_config(), &ShutdownConfig::default());
            let run = shutdown.run(none()).drain(30 * SECOND).grace(Duration::ZERO).abort_wait(SECOND);
            assert_eq!(run.as_config(), &config);
            assert_eq!(shutdown.run(none()).config(config).as_config(), &config);
        })
        .unwrap();
}

/// As many as a number can say is no panic and no memory, whoever keeps so many.
#[test]
fn without_a_limit_they_run_as_with_one() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let pool = read::<WorkerPoolBuilder>("queue = 'unlimited'").build(&rt).unwrap();
        assert_eq!(pool.run(async { 1 }).await.unwrap(), 1);

        let config: SupervisorConfig = read("event_capacity = 'unlimited'\nintensity = 4294967295");
        let child = ChildSpec::temporary("child", |_| async { Ok::<_, String>(()) });
        let supervisor = Supervisor::builder(&rt, "all").config(config).child(child).build().unwrap();
        let (mut events, handle) = (supervisor.events(), supervisor.handle());
        let run = supervisor.run(&rt);
        let stop = async {
            rt.sleep(SECOND).await;
            handle.stop();
        };
        let _ = futures::join!(run, stop);
        assert!(matches!(events.recv().await, Ok(SupervisorEvent::Started { .. })));

        let share: ShareConfig = read("replay = 'unlimited'\nbuffer = 'unlimited'");
        assert_eq!(stream::iter(0..3).share(share).count().await, 3);
        let batch: BatchConfig = read("max = 'unlimited'\nwithin = '18446744073709551615s'");
        assert_eq!(stream::iter(0..3).batch(&rt, batch).next().await, Some(vec![0, 1, 2]));
        let keyed: KeyedRateLimiterConfig = read("max_keys = 'unlimited'\n[quota]\npermits = 1\nper = '1s'");
        let limiter = KeyedRateLimiter::named("keys").config(keyed).build(&rt).unwrap();
        assert!(limiter.try_acquire("a", rt.now()).is_ok());
        let text = "max_in_flight = 1\nmax_waiting = 'unlimited'\nmax_wait = '18446744073709551615s'";
        let bulkhead = Bulkhead::named("b").config(read(text)).build().unwrap();
        drop(bulkhead.acquire(&rt).await.unwrap());
        let check = "timeout = '18446744073709551615s'\ninterval = '18446744073709551615s'\njitter = 1";
        let mut check = HealthCheck::named("c").config(read(check)).build().unwrap();
        check.record(true);
    });
    run.unwrap_or_else(|failure| panic!("{failure}"));
}
