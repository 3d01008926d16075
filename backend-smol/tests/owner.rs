//! What is particular to smol: its threads, its configuration, its end.

use backstay_core::{BlockOn, Config, ConfigError, Flavor, JoinError, Runtime};
use backstay_smol::SmolOwner;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

fn n(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("not zero")
}

#[test]
fn every_field_is_honoured_or_named() {
    let config = Config::new().worker_threads(n(1)).thread_name("named").thread_stack_size(n(64 << 20));
    let owner = SmolOwner::new(config).expect("a good configuration");
    let rt = owner.runtime().clone();
    owner.block_on(async move {
        let name = rt.spawn(async { thread::current().name().map(str::to_owned) }).await;
        assert_eq!(name.expect("it runs").as_deref(), Some("named"));
        // More stack than the default would have.
        let deep = rt.spawn(async {
            let frame = std::hint::black_box([1_u8; 3 << 20]);
            frame.iter().map(|byte| usize::from(*byte)).sum::<usize>()
        });
        assert_eq!(deep.await.expect("it fits"), 3 << 20);
    });

    let refused = |config: Config| SmolOwner::new(config).expect_err("refused");
    assert_eq!(refused(Config::new().max_blocking_threads(n(1))).field(), Some("max_blocking_threads"));
    let single = Config::new().flavor(Flavor::CurrentThread);
    assert_eq!(refused(single.worker_threads(n(1))).field(), Some("worker_threads"));
    assert_eq!(refused(Config::new().worker_threads(n(usize::MAX))).field(), Some("worker_threads"));
    assert_eq!(refused(Config::new().thread_name("a\0b")).field(), Some("thread_name"));
    let impossible = refused(Config::new().thread_stack_size(n(usize::MAX / 2)));
    assert!(matches!(impossible, ConfigError::Start { backend: "smol", .. }), "{impossible:?}");
}

#[test]
fn workers_run_at_the_same_time() {
    let owner = SmolOwner::new(Config::new().worker_threads(n(3))).expect("a good configuration");
    let (here, meet) = channel();
    let barrier = std::sync::Arc::new(std::sync::Barrier::new(3));
    for _ in 0..3 {
        let (here, barrier) = (here.clone(), barrier.clone());
        // Each blocks its worker until all three have come.
        owner.runtime().spawn(async move {
            barrier.wait();
            here.send(thread::current().id()).expect("somebody waits");
        });
    }
    let mut ids: Vec<_> = (0..3).map(|_| meet.recv_timeout(SOON).expect("three workers")).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn current_thread_runs_everything_on_the_caller() {
    let owner = SmolOwner::new(Config::new().flavor(Flavor::CurrentThread)).expect("a good configuration");
    let rt = owner.runtime().clone();
    let seen = owner.block_on(async move {
        let task = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(Duration::from_millis(1)).await;
                thread::current().id()
            }
        });
        task.await.expect("it runs")
    });
    assert_eq!(seen, thread::current().id());
}

#[test]
fn an_owner_dropped_in_its_own_task_ends_its_runtime() {
    let owner = SmolOwner::new(Config::new().worker_threads(n(2))).expect("a good configuration");
    let rt = owner.runtime().clone();
    let orphan = rt.spawn(std::future::pending::<()>());
    let (done, is_done) = channel();
    rt.spawn(async move {
        drop(owner);
        done.send(()).expect("somebody waits");
    });
    is_done.recv_timeout(SOON).expect("the drop does not block");
    // The workers end by themselves, and the executor with the last of them.
    let outcome = async_io::block_on(orphan);
    assert!(matches!(outcome, Err(JoinError::Shutdown)), "{outcome:?}");
}

#[test]
fn a_worker_survives_the_destructor_of_a_detached_value() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("a value's destructor"));
        }
    }

    let owner = SmolOwner::new(Config::new().worker_threads(n(1))).expect("a good configuration");
    let rt = owner.runtime().clone();
    owner.block_on(async move {
        for _ in 0..10 {
            drop(rt.spawn(async { Bomb }));
        }
        let after = rt.timeout(SOON, rt.spawn(async { 1 })).await.expect("the worker lives");
        assert!(matches!(after, Ok(1)), "{after:?}");
    });
}
