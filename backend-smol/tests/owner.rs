//! What is particular to smol: its threads, its configuration, its end.

use backstay_core::{BlockOn, Config, ConfigError, Flavor, JoinError, Runtime};
use backstay_smol::SmolOwner;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::Arc;
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
    assert_eq!(refused(single.clone().worker_threads(n(1))).field(), Some("worker_threads"));
    assert_eq!(refused(single.clone().thread_name("nobody")).field(), Some("thread_name"));
    assert_eq!(refused(single.thread_stack_size(n(1 << 20))).field(), Some("thread_stack_size"));
    assert_eq!(refused(Config::new().worker_threads(n(usize::MAX))).field(), Some("worker_threads"));
    assert_eq!(refused(Config::new().thread_name("a\0b")).field(), Some("thread_name"));
    let impossible = refused(Config::new().thread_stack_size(n(usize::MAX / 2)));
    assert!(matches!(impossible, ConfigError::Start { backend: "smol", .. }), "{impossible:?}");
}

#[test]
fn workers_run_at_the_same_time() {
    let owner = SmolOwner::new(Config::new().worker_threads(n(3))).expect("a good configuration");
    let (here, meet) = channel();
    let barrier = Arc::new(std::sync::Barrier::new(3));
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

#[test]
fn a_nested_block_on_may_depend_on_another() {
    for config in [Config::new().worker_threads(n(1)), Config::new().flavor(Flavor::CurrentThread)] {
        let owner = Arc::new(SmolOwner::new(config).expect("a good configuration"));
        let rt = owner.runtime().clone();
        let (tell, told) = smol::channel::bounded(1);
        let first = rt.spawn({
            let (owner, rt) = (Arc::clone(&owner), rt.clone());
            async move {
                owner.block_on(rt.sleep(Duration::from_millis(20)));
                tell.try_send(1).expect("there is room");
            }
        });
        let second = rt.spawn({
            let owner = Arc::clone(&owner);
            async move { owner.block_on(told.recv()).expect("it is told") }
        });
        owner.block_on(async {
            let second = rt.timeout(SOON, second).await.expect("no deadlock");
            assert_eq!(second.expect("it ends"), 1);
            assert!(first.await.is_ok());
        });
    }
}

#[test]
fn a_nested_block_on_of_another_runtime_keeps_this_one_going() {
    let outer = SmolOwner::new(Config::new().worker_threads(n(1))).expect("a good configuration");
    let inner = SmolOwner::new(Config::new().worker_threads(n(1))).expect("a good configuration");
    let rt = outer.runtime().clone();
    let task = rt.spawn({
        let rt = rt.clone();
        async move { inner.block_on(async { rt.spawn(async { 1 }).await }) }
    });
    let outcome = outer.block_on(rt.timeout(SOON, task)).expect("no deadlock");
    assert!(matches!(outcome, Ok(Ok(1))), "{outcome:?}");
}

#[test]
fn owners_dropped_in_each_others_tasks_wait_for_nobody() {
    let a = SmolOwner::new(Config::new().worker_threads(n(1))).expect("a good configuration");
    let b = SmolOwner::new(Config::new().worker_threads(n(1))).expect("a good configuration");
    let (in_a, in_b) = (a.runtime().clone(), b.runtime().clone());
    let gate = Arc::new(std::sync::Barrier::new(2));
    let (done, is_done) = channel();
    for (rt, other) in [(in_a, b), (in_b, a)] {
        let (gate, done) = (Arc::clone(&gate), done.clone());
        rt.spawn(async move {
            gate.wait();
            drop(other);
            done.send(()).expect("somebody waits");
        });
    }
    for _ in 0..2 {
        is_done.recv_timeout(SOON).expect("no deadlock");
    }
}

#[test]
fn a_substitute_is_of_the_runtime_that_it_works_for() {
    let outer = SmolOwner::new(
        Config::new().worker_threads(n(1)).thread_name("outer").thread_stack_size(n(64 << 20)),
    );
    let outer = outer.expect("a good configuration");
    let inner = SmolOwner::new(Config::new().worker_threads(n(1)).thread_name("inner")).expect("good too");
    let rt = outer.runtime().clone();
    let task = rt.spawn({
        let rt = rt.clone();
        async move {
            inner.block_on(async {
                let other = rt.spawn(async {
                    let frame = std::hint::black_box([1_u8; 3 << 20]);
                    (frame.len(), thread::current().name().map(str::to_owned))
                });
                other.await
            })
        }
    });
    let other = outer.block_on(rt.timeout(SOON, task)).expect("no deadlock").expect("it ends");
    assert_eq!(other.expect("it runs"), (3 << 20, Some("outer".to_owned())));
}
