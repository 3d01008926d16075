//! Resize, close, drain, early drop, and a parent that stops.

use super::{HOUR, adds_up, after, explore, pool, run, wait_while};
use crate::kit::ms;
use backstay::testing::{FailureKind, Sim};
use backstay_core::Runtime;
use backstay_core::channel::oneshot;
use backstay_core::task::{
    CancelToken, Job, JobError, PoolStats, Root, Shutdown, SubmitError, WorkerPool, scope,
};
use futures::stream;
use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Counts drops.
#[derive(Clone, Default)]
struct Drops(Arc<AtomicUsize>);

impl Drops {
    fn guard(&self) -> impl Send + use<> {
        struct Guard(Drops);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.0.fetch_add(1, SeqCst);
            }
        }
        Guard(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

#[test]
fn a_resize_takes_effect_without_losing_a_job() {
    explore(|rt| async move {
        let mut pool = pool(&rt, 1, 64);
        let jobs: Vec<_> = (0..12).map(|n| pool.try_submit(after(&rt, 10, n)).unwrap()).collect();
        pool.resize(4).unwrap();
        wait_while(&rt, || pool.stats().running < 4).await;
        pool.resize(2).unwrap();
        wait_while(&rt, || {
            adds_up(&pool.stats());
            pool.stats().workers > 2
        })
        .await;
        assert!(pool.stats().running <= 2);
        pool.resize(3).unwrap();
        for (number, job) in (0..).zip(jobs) {
            assert_eq!(job.await.unwrap(), number);
        }
        let stats = pool.stats();
        assert_eq!((stats.finished, stats.workers), (12, 3));
        // Idle ones go, too.
        pool.resize(1).unwrap();
        wait_while(&rt, || pool.stats().workers > 1).await;
        assert_eq!(pool.run(async { 1 }).await.unwrap(), 1);
    });
}

#[test]
fn a_closed_pool_can_have_more_workers_for_what_is_queued() {
    explore(|rt| async move {
        let mut pool = pool(&rt, 1, 64);
        let jobs: Vec<_> = (0..12).map(|n| pool.try_submit(after(&rt, 10, n)).unwrap()).collect();
        pool.handle().close();
        pool.resize(4).unwrap();
        assert_eq!(pool.stats().workers, 4);
        for (number, job) in (0..).zip(jobs) {
            assert_eq!(job.await.unwrap(), number);
        }
        // They have ended, as there is nothing left to do.
        wait_while(&rt, || pool.stats().workers > 0).await;
        pool.resize(2).unwrap();
        assert_eq!(pool.stats().workers, 0);
    });
}

#[test]
fn drain_runs_what_is_queued_and_reports() {
    explore(|rt| async move {
        let pool = pool(&rt, 2, 16);
        let handle = pool.handle().clone();
        let jobs: Vec<_> = (0..6).map(|n| pool.try_submit(after(&rt, 10, n)).unwrap()).collect();
        let panics = pool.try_submit(Job::blocking(|| panic!("as it must"))).unwrap();
        let aborted = pool.try_submit(async {}).unwrap();
        aborted.abort();
        let report = pool.drain(&CancelToken::new(), ms(0)).await;
        assert_eq!((report.finished, report.panicked, report.cancelled, report.dropped), (6, 1, 1, 0));
        assert!(report.still_blocking.is_empty());
        for (number, job) in (0..).zip(jobs) {
            assert_eq!(job.await.unwrap(), number);
        }
        assert!(panics.await.unwrap_err().is_panicked());
        assert!(handle.is_closed() && matches!(handle.try_submit(async {}), Err(SubmitError::Closed(_))));
        assert_eq!(handle.stats().workers, 0);
    });
}

#[test]
fn drain_ends_when_its_token_says_and_the_grace_is_over() {
    // The deadline cuts off async jobs at once, wherever they are.
    let elapsed = run(|rt| async move {
        let pool = pool(&rt, 1, 4);
        let (drops, handle) = (Drops::default(), pool.handle().clone());
        let guard = drops.guard();
        let runs = pool.try_submit(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        let guard = drops.guard();
        let queued = pool.try_submit(Job::blocking(move || drop(guard)));
        let (runs, queued) = (runs.unwrap(), queued.unwrap());
        let until = CancelToken::with_deadline(&rt, rt.now() + ms(100));
        let report = pool.drain(&until, HOUR).await;
        assert_eq!((report.finished, report.cancelled, drops.count()), (0, 2, 2));
        assert!(runs.await.unwrap_err().is_cancelled() && queued.await.unwrap_err().is_cancelled());
        adds_up(&handle.stats());
    });
    assert_eq!(elapsed, ms(100), "the grace is not waited for");
}

#[test]
fn a_blocking_job_that_waits_for_its_thread_is_cancelled_and_in_the_report() {
    // Simulated blocking jobs take their time before they run.
    let outcome = Sim::builder().blocking_cost(HOUR).run(|rt: Sim| async move {
        let ran = Arc::new(AtomicUsize::new(0));
        let root = Root::new(&rt);
        let pool = WorkerPool::builder().workers(1).build(&root).unwrap();
        let counts = Arc::clone(&ran);
        let job = pool.try_submit(Job::blocking(move || counts.fetch_add(1, SeqCst)).named("big")).unwrap();
        let until = CancelToken::new();
        until.cancel();
        rt.sleep(ms(1)).await;
        let start = rt.now();
        let report = pool.drain(&until, ms(100)).await;
        assert!(rt.now() - start <= ms(100));
        assert_eq!((report.finished, report.cancelled, report.still_blocking.len()), (0, 1, 0));
        // It has its thread, but its function has not begun: it never does.
        assert!(job.await.unwrap_err().is_cancelled());
        assert_eq!(ran.load(SeqCst), 0);
    });
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}

#[test]
fn an_async_job_is_cancelled_and_blocks_nothing_though_there_is_no_grace() {
    explore(|rt| async move {
        let pool = pool(&rt, 1, 4);
        let job = pool.try_submit(pending::<()>()).unwrap();
        wait_while(&rt, || pool.stats().running == 0).await;
        let until = CancelToken::new();
        until.cancel();
        let report = pool.drain(&until, Duration::ZERO).await;
        assert_eq!((report.cancelled, report.still_blocking.len()), (1, 0));
        assert!(job.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_pool_that_is_dropped_cancels_its_jobs_and_its_parent_awaits_them() {
    explore(|rt| async move {
        let root = Root::new(&rt);
        let pool = WorkerPool::builder().workers(2).queue(8).build(&root).unwrap();
        let (drops, handle) = (Drops::default(), pool.handle().clone());
        let jobs: Vec<_> = (0..5)
            .map(|_| {
                let guard = drops.guard();
                pool.try_submit(async move {
                    let _guard = guard;
                    pending::<()>().await;
                })
                .unwrap()
            })
            .collect();
        rt.sleep(ms(50)).await;
        assert_eq!(handle.stats().running, 2);
        // One waits for a place.
        let fills: Vec<_> = (0..5).map(|_| pool.try_submit(async {}).unwrap()).collect();
        let waits = rt.spawn({
            let handle = handle.clone();
            async move { handle.submit(async { 7 }).await }
        });
        rt.sleep(ms(50)).await;
        drop(pool);
        assert_eq!(root.orphaned(), 2);
        for job in jobs {
            assert!(matches!(job.await, Err(JobError::Cancelled { .. })));
        }
        for job in fills {
            assert!(job.await.unwrap_err().is_cancelled());
        }
        assert_eq!(drops.count(), 5, "each destructor has run before its handle says so");
        let refused = waits.await.unwrap().unwrap_err();
        assert_eq!(refused.into_job().into_inner().await, 7);
        assert!(matches!(handle.run(async {}).await, Err(JobError::Closed { .. })));
        assert!(matches!(handle.submit(async {}).await, Err(SubmitError::Closed(_))));
        let stats = handle.stats();
        assert_eq!((stats.cancelled, stats.queued, stats.running), (10, 0, 0));
    });
}

#[test]
fn s15_a_scope_awaits_what_a_dropped_pool_leaves() {
    explore(|rt| async move {
        let drops = Drops::default();
        let inner = drops.clone();
        scope(&rt, |s| async move {
            let pool = WorkerPool::builder().workers(2).build(&s).unwrap();
            for _ in 0..4 {
                let guard = inner.guard();
                let job = async move {
                    let _guard = guard;
                    pending::<()>().await;
                };
                pool.submit(job).await.unwrap().detach();
            }
            s.runtime().sleep(ms(20)).await;
            Ok::<_, Infallible>(())
        })
        .await
        .unwrap();
        assert_eq!(drops.count(), 4, "no job outlives the scope");
    });
}

#[test]
fn a_shutdown_drains_a_pool_that_a_task_of_it_has() {
    let elapsed = run(|rt| async move {
        let shutdown = Shutdown::new(&rt);
        let pool = WorkerPool::builder().workers(1).build(&shutdown).unwrap();
        let handle = pool.handle().clone();
        let (done, stuck) =
            (pool.submit(after(&rt, 50, 1)).await.unwrap(), pool.submit(pending::<()>()).await);
        let (report, reported) = oneshot::channel();
        let (stop, until) = (shutdown.stop_token().clone(), shutdown.token().clone());
        let jobs = async move {
            stop.cancelled().await;
            drop(report.send(pool.drain(&until, ms(10)).await));
        };
        shutdown.named("jobs").spawn_part(jobs).unwrap();
        shutdown.trigger("SIGTERM");
        let report = shutdown.run(stream::empty::<&str>()).drain(ms(100)).grace(ms(50)).await;
        assert!(report.is_clean(), "{report}");
        let report = reported.await.unwrap();
        assert_eq!((report.finished, report.cancelled), (1, 1));
        assert_eq!(done.await.unwrap(), 1);
        assert!(stuck.unwrap().await.unwrap_err().is_cancelled());
        assert!(handle.is_closed());
    });
    assert_eq!(elapsed, ms(100));
}

#[test]
fn a_parent_that_stops_lets_the_queue_be_worked_off_and_takes_nothing_new() {
    explore(|rt| async move {
        let root = Root::new(&rt);
        let pool = WorkerPool::builder().workers(1).queue(2).build(&root).unwrap();
        let jobs: Vec<_> = (0..2).map(|n| pool.try_submit(after(&rt, 10, n)).unwrap()).collect();
        let waits = rt.spawn({
            let (handle, rt) = (pool.handle().clone(), rt.clone());
            async move { handle.submit(after(&rt, 1_000, 2)).await }
        });
        rt.sleep(ms(5)).await;
        let told = rt.spawn(pool.token().clone().cancelled_owned());
        root.token().cancel_with("shutting down");
        assert!(matches!(pool.try_submit(async {}), Err(SubmitError::Closed(_))));
        // Submitted before, or refused: not held up by a worker that is busy.
        if let Ok(job) = waits.await.unwrap() {
            assert_eq!(job.await.unwrap(), 2);
        }
        for (number, job) in (0..).zip(jobs) {
            assert_eq!(job.await.unwrap(), number);
        }
        assert_eq!(told.await.unwrap().to_string(), "shutting down");
        wait_while(&rt, || pool.stats().workers > 0).await;
        let report = pool.drain(&CancelToken::new(), ms(0)).await;
        assert!(report.finished >= 2 && report.cancelled == 0);
    });
}

#[test]
fn idle_workers_end_when_the_parent_stops_though_nobody_asks() {
    explore(|rt| async move {
        let root = Root::new(&rt);
        let pool = WorkerPool::builder().workers(3).build(&root).unwrap();
        rt.sleep(ms(20)).await;
        root.token().cancel();
        wait_while(&rt, || pool.stats().workers > 0).await;
    });
}

#[test]
fn a_pool_below_a_parent_that_has_stopped_takes_nothing() {
    run(|rt| async move {
        let root = Root::new(&rt);
        root.token().cancel();
        let pool = WorkerPool::builder().build(&root).unwrap();
        assert!(pool.handle().is_closed());
        assert!(matches!(pool.run(async {}).await, Err(JobError::Closed { .. })));
        assert_eq!(pool.drain(&CancelToken::new(), ms(0)).await, Default::default());
    });
}

#[test]
fn a_waiting_submitter_is_refused_though_all_workers_are_busy() {
    run(|rt| async move {
        let pool = pool(&rt, 1, 1);
        let holds = pool.submit(pending::<()>()).await.unwrap();
        rt.sleep(ms(1)).await;
        pool.submit(async {}).await.unwrap().detach();
        let waits = rt.spawn({
            let handle = pool.handle().clone();
            async move { handle.submit(async {}).await.is_err() }
        });
        rt.sleep(ms(1)).await;
        pool.token().cancel();
        assert!(waits.await.unwrap(), "no worker had a turn");
        holds.abort();
    });
}

#[test]
fn dropped_while_it_drains_it_is_dropped() {
    explore(|rt| async move {
        let pool = pool(&rt, 1, 4);
        let (handle, drops) = (pool.handle().clone(), Drops::default());
        let guard = drops.guard();
        let job = pool.try_submit(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        assert!(rt.timeout(ms(10), pool.drain(&CancelToken::new(), HOUR)).await.is_err());
        assert!(job.unwrap().await.unwrap_err().is_cancelled());
        assert_eq!(drops.count(), 1);
        let PoolStats { cancelled, queued, running, .. } = handle.stats();
        assert_eq!((cancelled, queued, running), (1, 0, 0));
    });
}

#[test]
fn the_end_of_the_runtime_is_the_end_of_every_job() {
    // Outlives the run.
    let mut kept = None;
    let outcome = Sim::builder().run(|rt: Sim| {
        let pool = WorkerPool::builder().workers(1).build(&rt).unwrap();
        let job = pool.try_submit(pending::<()>()).unwrap();
        let behind = pool.try_submit(Job::blocking(|| ())).unwrap();
        kept = Some((pool, job, behind));
        async move { rt.sleep(ms(1)).await }
    });
    // The pool's worker is reported: nobody has ended it.
    assert!(matches!(outcome.unwrap_err().kind(), FailureKind::Leak));
    let (pool, job, behind) = kept.unwrap();
    assert!(job.is_finished() && behind.is_finished());
    assert!(futures::executor::block_on(job).unwrap_err().is_cancelled());
    assert!(futures::executor::block_on(behind).unwrap_err().is_cancelled());
    assert!(matches!(pool.try_submit(async {}), Err(SubmitError::Closed(_))));
}
