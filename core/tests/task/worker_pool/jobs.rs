//! Jobs, their order and their outcomes.

use super::{HOUR, adds_up, after, explore, pool, pool_that, run, wait_while};
use crate::kit::{ms, poll_once};
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::task::{
    Job, JobError, JobHandle, PoolHandle, PoolOverflow, Priority, SubmitError, WorkerPool, WorkerPoolBuilder,
};
use std::cell::Cell;
use std::error::Error;
use std::future::pending;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;

#[test]
fn so_many_run_at_once_and_all_workers_are_used() {
    explore(|rt| async move {
        let pool = pool(&rt, 3, 16);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut jobs = Vec::new();
        for number in 0..10_u64 {
            let (rt, now, most) = (rt.clone(), Arc::clone(&now), Arc::clone(&most));
            let job = async move {
                most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                rt.sleep(ms(10)).await;
                now.fetch_sub(1, SeqCst);
                number
            };
            jobs.push(pool.submit(job).await.unwrap());
            adds_up(&pool.stats());
        }
        for (number, job) in (0..).zip(jobs) {
            assert_eq!(job.await.unwrap(), number);
        }
        assert_eq!((most.load(SeqCst), pool.stats().finished, pool.stats().workers), (3, 10, 3));
    });
}

#[test]
fn both_kinds_of_jobs_have_results_and_one_queue() {
    for seed in 0..50 {
        let log = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&log);
        let outcome = Sim::builder().seed(seed).run(|rt: Sim| async move {
            let pool = pool(&rt, 1, 16);
            let mut jobs = Vec::new();
            for number in 0..8 {
                let log = Arc::clone(&log);
                let job = move || {
                    log.lock().unwrap().push(number);
                    number * 10
                };
                jobs.push(if number % 3 == 0 {
                    pool.submit(async move { job() }).await.unwrap()
                } else {
                    pool.submit(Job::blocking(job)).await.unwrap()
                });
            }
            for (number, job) in (0..).zip(jobs) {
                assert_eq!(job.await.unwrap(), number * 10);
            }
            let stats = pool.stats();
            assert_eq!((stats.finished, stats.blocking, stats.running, stats.queued), (8, 0, 0, 0));
        });
        assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
        assert!(seen.lock().unwrap().iter().copied().eq(0..8), "with one worker, in order");
    }
}

#[test]
fn s18_a_job_that_panics_is_an_error_and_kills_no_worker() {
    explore(|rt| async move {
        let pool = pool(&rt, 2, 4);
        for round in 0..4 {
            let error = pool.run(Job::new(async { panic!("no page") }).named("crawl")).await.unwrap_err();
            assert_eq!(error.to_string(), "the job `crawl` panicked: no page");
            assert_eq!(error.label().name(), Some("crawl"));
            let name = format!("resize {round}");
            let job = Job::blocking(|| -> u32 { panic_any(7_u8) }).named(name.clone());
            match pool.run(job).await.unwrap_err() {
                JobError::Panicked { label, panic } => {
                    assert_eq!((label.name(), panic.message()), (Some(&*name), None));
                    assert_eq!(panic.into_payload().downcast_ref::<u8>(), Some(&7));
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!(pool.run(async { 1 }).await.unwrap() + pool.run(Job::blocking(|| 2)).await.unwrap(), 3);
        let stats = pool.stats();
        assert_eq!((stats.panicked, stats.finished, stats.workers), (8, 2, 2));
    });
}

#[test]
fn a_destructor_that_panics_harms_nobody() {
    struct Bad(bool);
    impl Drop for Bad {
        fn drop(&mut self) {
            assert!(!self.0 || thread::panicking(), "as it must");
        }
    }
    explore(|rt| async move {
        let pool = pool(&rt, 1, 8);
        let bad = Bad(true);
        let stuck = pool
            .submit(async move {
                pending::<()>().await;
                drop(bad);
            })
            .await
            .unwrap();
        rt.sleep(ms(50)).await;
        // Values nobody wants, jobs that never run.
        pool.submit(async { Bad(true) }).await.unwrap().detach();
        pool.submit(Job::blocking(|| Bad(true))).await.unwrap().detach();
        let (first, second) = (Bad(true), Bad(true));
        let queued = [
            pool.submit(async move { drop(first) }).await.unwrap(),
            pool.submit(Job::blocking(move || drop(second))).await.unwrap(),
        ];
        queued.iter().for_each(JobHandle::abort);
        stuck.abort();
        assert!(stuck.await.unwrap_err().is_cancelled());
        for job in queued {
            assert!(job.await.unwrap_err().is_cancelled());
        }
        assert_eq!(pool.run(async { 1 }).await.unwrap(), 1);
        let stats = pool.stats();
        assert_eq!((stats.cancelled, stats.finished), (3, 3));
    });
}

#[test]
fn the_most_urgent_is_next_and_nothing_starves() {
    run(|rt| async move {
        let pool = pool(&rt, 1, 64);
        let log = Arc::new(Mutex::new(String::new()));
        let gate = pool.submit(after(&rt, 2, ())).await.unwrap();
        rt.sleep(ms(1)).await; // it runs
        let mut jobs = Vec::new();
        for (priority, letter, count) in
            [(Priority::Low, 'l', 2), (Priority::Normal, 'n', 2), (Priority::High, 'h', 20)]
        {
            for _ in 0..count {
                let log = Arc::clone(&log);
                let job = Job::new(async move { log.lock().unwrap().push(letter) }).priority(priority);
                jobs.push(pool.submit(job).await.unwrap());
            }
        }
        gate.await.unwrap();
        for job in jobs {
            job.await.unwrap();
        }
        assert_eq!(*log.lock().unwrap(), "hhhhhhhhnlhhhhhhhhnlhhhh");
        assert_eq!(WorkerPool::PATIENCE, 8);
    });
}

#[test]
fn a_blocking_run_leaves_the_thread_when_something_else_is_due() {
    let log = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&log);
    run(|rt| async move {
        let pool = pool(&rt, 1, 64);
        let gate = pool.submit(after(&rt, 1, ())).await.unwrap();
        let mut jobs = Vec::new();
        for (letter, blocking) in [('a', true), ('b', true), ('c', false), ('d', true)] {
            let log = Arc::clone(&log);
            let job = move || log.lock().unwrap().push(letter);
            jobs.push(if blocking {
                pool.submit(Job::blocking(job)).await.unwrap()
            } else {
                pool.submit(async move { job() }).await.unwrap()
            });
        }
        gate.await.unwrap();
        for job in jobs {
            job.await.unwrap();
        }
    });
    assert_eq!(*seen.lock().unwrap(), "abcd");
}

#[test]
fn many_blocking_jobs_are_run_on_one_thread_one_after_the_other() {
    let outcome = Sim::builder().blocking_cost(ms(10)).run(|rt: Sim| async move {
        let pool = pool(&rt, 2, 256);
        let start = rt.now();
        let jobs: Vec<_> = (0..200).map(|n| pool.try_submit(Job::blocking(move || n)).unwrap()).collect();
        for (number, job) in (0..).zip(jobs) {
            assert_eq!(job.await.unwrap(), number);
        }
        // Not 200 times: the runtime was asked for a thread for each of a few runs.
        assert!(rt.now() - start <= ms(40), "{:?}", rt.now() - start);
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[test]
fn a_handle_that_is_dropped_lets_its_job_go_on() {
    explore(|rt| async move {
        let pool = pool(&rt, 1, 4);
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            let (rt, ran) = (rt.clone(), Arc::clone(&ran));
            let job = async move {
                rt.sleep(ms(1)).await;
                ran.fetch_add(1, SeqCst);
            };
            pool.submit(job).await.unwrap().detach();
        }
        pool.run(async {}).await.unwrap();
        assert_eq!((ran.load(SeqCst), pool.stats().finished), (3, 4));
    });
}

#[test]
fn abort_cancels_what_is_queued_and_what_runs() {
    explore(|rt| async move {
        let pool = pool(&rt, 1, 4);
        let (dropped, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        struct Tell(Arc<AtomicUsize>);
        impl Drop for Tell {
            fn drop(&mut self) {
                self.0.fetch_add(1, SeqCst);
            }
        }
        let tell = Tell(Arc::clone(&dropped));
        let runs = pool
            .submit(Job::new(async move {
                let _tell = tell;
                pending::<()>().await;
            }))
            .await
            .unwrap();
        rt.sleep(ms(50)).await;
        assert!(!runs.is_finished());
        let counts = Arc::clone(&ran);
        let queued = pool.submit(async move { counts.fetch_add(1, SeqCst) }).await.unwrap();
        queued.abort();
        assert!(queued.is_finished(), "a queued one is removed at once");
        assert_eq!(pool.stats().queued, 0);
        queued.abort();
        assert!(matches!(queued.await, Err(JobError::Cancelled { .. })));
        runs.abort();
        runs.abort();
        let error = runs.await.unwrap_err();
        assert!(error.is_cancelled() && dropped.load(SeqCst) == 1, "its destructor has run");
        // After its end it keeps its value.
        let done = pool.submit(async { 7 }).await.unwrap();
        wait_while(&rt, || !done.is_finished()).await;
        done.abort();
        assert_eq!(done.await.unwrap(), 7);
        let stats = pool.stats();
        assert_eq!((ran.load(SeqCst), stats.cancelled, stats.finished), (0, 2, 1));
        adds_up(&stats);
    });
}

#[test]
fn a_run_that_is_dropped_takes_its_job_along() {
    explore(|rt| async move {
        let pool = pool(&rt, 1, 1);
        assert!(rt.timeout(ms(5), pool.run(pending::<()>())).await.is_err());
        assert_eq!(pool.run(async { 1 }).await.unwrap(), 1, "the worker is free again");

        let holds = pool.submit(pending::<()>()).await.unwrap();
        rt.sleep(ms(50)).await;
        // Queued, and then one that waits for the place.
        let queued = rt.timeout(ms(5), pool.run(async { 2 }));
        let waits = rt.timeout(ms(10), pool.run(async { 3 }));
        let both = futures::join!(queued, waits);
        assert!(both.0.is_err() && both.1.is_err());
        assert_eq!(pool.stats().queued, 0);
        holds.abort();
        assert!(holds.await.is_err());
        assert_eq!(pool.run(async { 4 }).await.unwrap(), 4);
        adds_up(&pool.stats());
    });
}

#[test]
fn nothing_of_nothing_is_refused_by_name() {
    run(|rt| async move {
        for (builder, field) in [
            (WorkerPool::builder().workers(0), "workers"),
            (WorkerPool::builder().workers(WorkerPoolBuilder::MAX_WORKERS + 1), "workers"),
            (WorkerPool::builder().workers(usize::MAX), "workers"),
            (WorkerPool::builder().queue(0), "queue"),
        ] {
            assert_eq!(builder.build(&rt).unwrap_err().field(), Some(field));
        }
        let mut pool = WorkerPool::builder().queue(usize::MAX).workers(1).build(&rt).unwrap();
        for workers in [0, usize::MAX] {
            assert_eq!(pool.resize(workers).unwrap_err().field(), Some("workers"));
        }
        assert_eq!((pool.stats().workers, pool.run(async { 1 }).await.unwrap()), (1, 1));
        let default = WorkerPool::builder().build(&rt).unwrap();
        assert_eq!(default.stats().workers, 4);
        let jobs: Vec<_> = (0..256).map(|_| default.try_submit(pending::<()>()).unwrap()).collect();
        assert!(matches!(default.try_submit(async {}), Err(SubmitError::Full(_))));
        drop(jobs);
    });
}

#[test]
fn s13_a_loop_of_jobs_yields() {
    run(|rt| async move {
        let pool = pool_that(&rt, 1, 1, PoolOverflow::DropOldest);
        let mut in_a_row = 0;
        // Always a place: what keeps it from being ready is the budget alone.
        while poll_once(pin!(pool.submit(async {}))).is_ready() {
            in_a_row += 1;
        }
        assert_eq!(in_a_row, PoolHandle::READY_BUDGET);
    });
}

#[test]
fn names_errors_and_types() {
    fn error<E: Error + Send + Sync + 'static>(_: &E) {}
    fn shared<T: Send + Sync + Unpin>(_: &T) {}
    run(|rt| async move {
        let pool = pool(&rt, 1, 1);
        shared(&pool);
        shared(pool.handle());
        let job = pool.submit(async { Cell::new(1) }).await.unwrap();
        shared(&job);
        assert!(job.label().name().is_none());
        assert_eq!(job.label().location().file(), file!());
        assert!(job.label().to_string().ends_with(&format!("jobs.rs:{}", job.label().location().line())));
        assert!(format!("{job:?} {pool:?} {:?}", pool.handle()).contains("JobHandle"));
        drop(job);
        pool.handle().clone().close();
        let refused = pool.submit(Job::new(async {}).named(String::from("late"))).await.unwrap_err();
        error(&refused);
        assert!(refused.is_closed() && !refused.is_full());
        assert_eq!(refused.to_string(), "the job `late` was not taken on, the pool is closed");
        assert_eq!(format!("{refused:?}"), r#"Closed(Job { label: `task `late``, priority: Normal, .. })"#);
        assert_eq!(
            SubmitError::Full(refused.into_job()).to_string(),
            "no place for the job `late`, the queue is full"
        );
        let closed = pool.run(Job::blocking(|| 1).named("x")).await.unwrap_err();
        error(&closed);
        assert_eq!(closed.to_string(), "the job `x` was not taken on, the pool is closed");
        let label = Job::new(async {}).named("a").label().clone();
        for (error, shown) in [
            (JobError::Cancelled { label: label.clone() }, "the job `a` was cancelled"),
            (JobError::Dropped { label: label.clone() }, "the job `a` was dropped from a full queue"),
            (JobError::Rejected { label: label.clone() }, "the job `a` was rejected, the queue is full"),
        ] {
            assert_eq!(error.to_string(), shown);
        }
    });
}

#[test]
fn what_waits_is_named_in_a_report() {
    let failure = Sim::builder()
        .run(|rt: Sim| async move {
            let pool = pool(&rt, 1, 1);
            let _ = pool.run(Job::new(pending::<()>()).named("stuck")).await;
        })
        .unwrap_err()
        .to_string();
    assert!(failure.contains("the job `stuck`"), "{failure}");
    let failure = Sim::builder()
        .run(|rt: Sim| async move {
            let pool = pool(&rt, 1, 1);
            for _ in 0..4 {
                pool.submit(pending::<()>()).await.unwrap().detach();
            }
        })
        .unwrap_err()
        .to_string();
    assert!(failure.contains("a place in a worker pool's queue, 1/1 taken, 1 waiting"), "{failure}");
}

#[test]
fn a_blocking_job_that_waits_for_a_thread_is_removed_when_it_is_cancelled() {
    let simulation = Sim::builder().max_blocking_threads(NonZeroUsize::MIN).blocking_cost(HOUR);
    let outcome = simulation.run(|rt: Sim| async move {
        let holds = rt.spawn_blocking(|| ());
        let pool = pool(&rt, 1, 4);
        let ran = Arc::new(AtomicUsize::new(0));
        let job = || {
            let ran = Arc::clone(&ran);
            Job::blocking(move || ran.fetch_add(1, SeqCst))
        };
        let second = ms(1_000);

        let aborted = pool.submit(job()).await.unwrap();
        rt.sleep(ms(1)).await;
        assert_eq!((pool.stats().queued, aborted.is_finished()), (1, false));
        aborted.abort();
        let outcome = rt.timeout(second, aborted).await.expect("it need not wait for the thread");
        assert!(outcome.unwrap_err().is_cancelled());

        assert!(rt.timeout(ms(1), pool.run(job())).await.is_err());
        let next = rt.timeout(second, pool.run(async { 1 })).await;
        assert_eq!(next.expect("the worker is free").unwrap(), 1);
        assert_eq!((pool.stats().cancelled, Arc::strong_count(&ran)), (2, 1), "both are dropped");

        let last = pool.submit(job()).await.unwrap();
        holds.await.unwrap();
        assert_eq!(last.await.unwrap(), 0, "no other has run");
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[test]
fn a_run_that_was_refused_panics_if_it_is_polled_again_and_submits_nothing() {
    run(|rt| async move {
        let pool = pool_that(&rt, 1, 1, PoolOverflow::Reject);
        let fills = pool.try_submit(async {}).unwrap();
        let mut refused = pin!(pool.run(async { 2 }));
        assert!(matches!(refused.as_mut().await, Err(JobError::Rejected { .. })));
        fills.await.unwrap();
        // There is a place now.
        let again = catch_unwind(AssertUnwindSafe(|| poll_once(refused.as_mut())));
        assert!(again.is_err());
        assert_eq!(pool.stats().submitted, 1);

        let mut done = pin!(pool.run(async { 3 }));
        assert_eq!(done.as_mut().await.unwrap(), 3);
        assert!(catch_unwind(AssertUnwindSafe(|| poll_once(done.as_mut()))).is_err());
        assert_eq!(pool.stats().submitted, 2);
    });
}
