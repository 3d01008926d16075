//! What is particular to tokio: its contexts, its configuration, its end.

use backstay_core::{BlockOn, Config, ConfigError, Flavor, JoinError, Runtime, Sleep};
use backstay_tokio::{NoRuntime, Tokio, TokioOwner};
use std::future::pending;
use std::num::NonZeroUsize;
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn n(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("not zero")
}

#[test]
fn the_surrounding_runtime_is_found_and_checked() {
    assert_eq!(Tokio::try_current().unwrap_err(), NoRuntime::Outside);
    let message = catch_unwind(Tokio::current).expect_err("there is none");
    let message = message.downcast_ref::<String>().expect("a text");
    assert_eq!(*message, NoRuntime::Outside.to_string());

    let without_time = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let found = without_time.block_on(async { Tokio::try_current().map(drop) });
    assert_eq!(found, Err(NoRuntime::WithoutTime));

    let theirs = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sum = theirs.block_on(async {
        let rt = Tokio::current();
        rt.sleep(Duration::from_millis(1)).await;
        rt.spawn(async { 1 }).await.expect("it runs") + rt.spawn_blocking(|| 2).await.expect("it runs")
    });
    assert_eq!(sum, 3);
}

#[test]
fn a_handle_of_a_runtime_that_has_ended_gives_shutdown() {
    let theirs = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let theirs = theirs.expect("a runtime");
    let rt = theirs.block_on(async { Tokio::current() });
    drop(theirs);
    let mut task = pin!(rt.spawn(async { 1 }));
    let poll = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(poll, Poll::Ready(Err(JoinError::Shutdown))), "{poll:?}");
}

#[test]
fn every_field_is_honoured() {
    let config = Config::new()
        .worker_threads(n(2))
        .thread_name("named")
        .thread_stack_size(n(64 << 20))
        .max_blocking_threads(n(1));
    let owner = TokioOwner::new(config).expect("a good configuration");
    let rt = owner.runtime().clone();
    assert_eq!(rt.handle().metrics().num_workers(), 2);
    owner.block_on(async move {
        let name = rt.spawn(async { std::thread::current().name().map(str::to_owned) }).await;
        assert_eq!(name.expect("it runs").as_deref(), Some("named"));

        // More stack than the default would have.
        let deep = rt.spawn(async {
            let frame = std::hint::black_box([1_u8; 3 << 20]);
            frame.iter().map(|byte| usize::from(*byte)).sum::<usize>()
        });
        assert_eq!(deep.await.expect("it fits"), 3 << 20);

        // One thread for blocking jobs: the second waits for the first.
        let (release, released) = channel::<()>();
        let first = rt.spawn_blocking(move || released.recv().is_ok());
        let second = rt.spawn_blocking(|| 2);
        let second = match rt.timeout(Duration::from_millis(20), second).await {
            Ok(outcome) => panic!("both ran at once: {outcome:?}"),
            Err(_) => rt.spawn_blocking(|| 2),
        };
        release.send(()).expect("the first job waits");
        assert!(first.await.expect("it runs"));
        assert_eq!(rt.timeout(SOON, second).await.expect("in time").expect("it runs"), 2);
    });
}

#[test]
fn what_makes_no_sense_names_its_field() {
    let refused = |config: Config| TokioOwner::new(config).expect_err("refused");
    let single = Config::new().flavor(Flavor::CurrentThread);
    assert_eq!(refused(single.worker_threads(n(1))).field(), Some("worker_threads"));
    assert_eq!(refused(Config::new().worker_threads(n(usize::MAX))).field(), Some("worker_threads"));
    assert_eq!(
        refused(Config::new().max_blocking_threads(n(usize::MAX))).field(),
        Some("max_blocking_threads")
    );
    assert_eq!(refused(Config::new().thread_name("a\0b")).field(), Some("thread_name"));
    let impossible = refused(Config::new().thread_stack_size(n(usize::MAX / 2)));
    assert!(matches!(impossible, ConfigError::Start { backend: "tokio", .. }), "{impossible:?}");
}

#[test]
fn an_owner_dropped_in_its_own_task_ends_its_runtime() {
    let owner = TokioOwner::new(Config::new().worker_threads(n(1))).expect("a good configuration");
    let rt = owner.runtime().clone();
    let (done, is_done) = channel();
    rt.spawn(async move {
        drop(owner);
        done.send(()).expect("somebody waits");
    });
    is_done.recv_timeout(SOON).expect("the drop does not block");
}

#[test]
fn a_blocking_job_that_never_ends_does_not_hold_up_the_drop() {
    let owner = TokioOwner::new(Config::new()).expect("a good configuration");
    let (hold, held) = channel::<()>();
    let job = owner.runtime().spawn_blocking(move || held.recv().is_err());
    let dropping = std::thread::spawn(move || drop(owner));
    let start = std::time::Instant::now();
    while !dropping.is_finished() {
        assert!(start.elapsed() < SOON, "the drop waits for the job");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop((hold, job));
}

#[test]
fn a_sleep_of_an_ended_runtime_stays_pending_under_a_race() {
    for _ in 0..50 {
        let owner = TokioOwner::new(Config::new().worker_threads(n(1))).expect("a good configuration");
        let rt = owner.runtime().clone();
        let ending = std::thread::spawn(move || drop(owner));
        let mut sleep = pin!(rt.sleep(Duration::from_secs(3600)));
        while !ending.is_finished() {
            assert!(sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert!(sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(ending.join().is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_is_followed() {
    let rt = Tokio::current();
    let (start, real) = (rt.now(), std::time::Instant::now());
    rt.sleep(Duration::from_secs(3600)).await;
    assert!(rt.now() - start >= Duration::from_secs(3600));
    assert!(rt.timeout(Duration::from_secs(60), pending::<()>()).await.is_err());
    assert!(real.elapsed() < Duration::from_secs(60), "an hour went by for real");
}

#[test]
fn work_that_uses_up_the_cooperative_budget_does_not_starve_its_timeout() {
    let owner = TokioOwner::new(Config::new().worker_threads(n(1))).expect("a good configuration");
    let rt = owner.runtime().clone();
    let busy = rt.spawn({
        let rt = rt.clone();
        async move {
            let endless = async {
                loop {
                    tokio::task::consume_budget().await;
                }
            };
            rt.timeout(Duration::from_millis(10), endless).await.map(|never: ()| never).is_err()
        }
    });
    let elapsed = owner.block_on(rt.timeout(SOON, busy)).expect("the timeout fires");
    assert!(elapsed.expect("it ends"));
}

#[test]
fn a_handle_taken_inside_an_owned_runtime_survives_its_end() {
    let owner = TokioOwner::new(Config::new().worker_threads(n(1))).expect("a good configuration");
    let rt = owner.block_on(async { Tokio::current() });
    let mut polled = pin!(rt.sleep(Duration::from_secs(3600)));
    let mut elapsed = pin!(rt.sleep(Duration::ZERO));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(polled.as_mut().poll(&mut cx).is_pending());
    drop(owner);
    assert!(polled.as_mut().poll(&mut cx).is_pending());
    assert!(pin!(rt.sleep(Duration::from_secs(3600))).poll(&mut cx).is_pending());
    elapsed.as_mut().reset(rt.now() + Duration::from_secs(3600));
    assert!(elapsed.poll(&mut cx).is_pending(), "fires early after the end");
}

#[test]
fn block_on_in_a_local_set_says_what_to_do() {
    let owner = TokioOwner::new(Config::new()).expect("a good configuration");
    let theirs = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    let message = local.block_on(&theirs, async {
        let nested = catch_unwind(std::panic::AssertUnwindSafe(|| owner.block_on(async { 1 })));
        nested.map_err(|payload| payload.downcast_ref::<String>().cloned().unwrap_or_default())
    });
    assert!(
        message.as_ref().is_err_and(|message| message.contains("await the future instead")),
        "{message:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_sleep_made_outside_keeps_the_runtimes_own_clock() {
    let rt = Tokio::current();
    tokio::time::advance(Duration::from_secs(3600)).await;
    let start = rt.now();
    let sleep = std::thread::spawn({
        let rt = rt.clone();
        move || rt.sleep(Duration::from_secs(10))
    });
    sleep.join().expect("it is made").await;
    assert!(rt.now() - start >= Duration::from_secs(10));
}
