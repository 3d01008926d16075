//! Worker pools on every runtime: results, panics, cancel, early drop, a drain that reports.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::task::{CancelToken, Job, JobError, Root, SubmitError, WorkerPool};
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

test_on_every_runtime! {
    jobs_of_both_kinds_have_results_and_no_more_than_so_many_run
    s18_a_job_that_panics_is_an_error_and_kills_no_worker
    s09_a_run_that_is_dropped_takes_its_job_along
    s15_an_early_drop_cancels_every_job_and_tells_its_parent
    s14_a_drain_adds_up
    s27_a_blocking_job_that_does_not_end_is_named_in_the_report
    a_blocking_job_that_looks_at_the_pools_token_ends_within_the_grace
    a_pool_that_is_dropped_tells_its_blocking_jobs
}

async fn jobs_of_both_kinds_have_results_and_no_more_than_so_many_run<R: Runtime>(rt: R) {
    let pool = WorkerPool::builder().workers(2).queue(4).build(&rt).expect("a good configuration");
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut jobs = Vec::new();
    for number in 0..40_u64 {
        let (rt, now, most) = (rt.clone(), Arc::clone(&now), Arc::clone(&most));
        let enter = move || {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            now
        };
        jobs.push(if number % 2 == 0 {
            let job = async move {
                let now = enter();
                rt.yield_now().await;
                now.fetch_sub(1, SeqCst);
                number
            };
            pool.submit(job).await.expect("it is open")
        } else {
            let job = move || {
                enter().fetch_sub(1, SeqCst);
                number
            };
            pool.submit(Job::blocking(job)).await.expect("it is open")
        });
    }
    for (number, job) in (0..).zip(jobs) {
        assert_eq!(job.await.expect("no panic"), number);
    }
    assert!(most.load(SeqCst) <= 2);
    assert_eq!(pool.stats().finished, 40);
}

async fn s18_a_job_that_panics_is_an_error_and_kills_no_worker<R: Runtime>(rt: R) {
    let pool = WorkerPool::builder().workers(1).build(&rt).expect("a good configuration");
    for _ in 0..3 {
        let error = pool.run(Job::new(async { panic!("as it must") }).named("async")).await.unwrap_err();
        assert_eq!(error.to_string(), "the job `async` panicked: as it must");
        let job = Job::blocking(|| panic!("as it must")).named("blocking");
        assert_eq!(pool.run(job).await.unwrap_err().to_string(), "the job `blocking` panicked: as it must");
    }
    assert_eq!(pool.run(async { 1 }).await.expect("the worker lives"), 1);
    assert_eq!(pool.stats().panicked, 6);
}

async fn s09_a_run_that_is_dropped_takes_its_job_along<R: Runtime>(rt: R) {
    let pool = WorkerPool::builder().workers(1).queue(1).build(&rt).expect("a good configuration");
    for _ in 0..3 {
        assert!(rt.timeout(ms(1), pool.run(pending::<()>())).await.is_err());
    }
    let next = rt.timeout(SOON, pool.run(Job::blocking(|| 1))).await;
    assert_eq!(next.expect("the worker is free").expect("no panic"), 1);
    assert_eq!((pool.stats().cancelled, pool.stats().finished), (3, 1));
}

async fn s15_an_early_drop_cancels_every_job_and_tells_its_parent<R: Runtime>(rt: R) {
    let root = Root::new(&rt);
    let pool = WorkerPool::builder().workers(2).queue(2).build(&root).expect("a good configuration");
    let handle = pool.handle().clone();
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut jobs = Vec::new();
    for _ in 0..4 {
        let tell = Tell(Arc::clone(&dropped));
        let job = async move {
            let _tell = tell;
            pending::<()>().await;
        };
        jobs.push(pool.submit(job).await.expect("it is open"));
    }
    drop(pool);
    assert_eq!(root.orphaned(), 2, "its workers");
    for job in jobs {
        let error = rt.timeout(SOON, job).await.expect("no hang").unwrap_err();
        assert!(matches!(error, JobError::Cancelled { .. }));
    }
    assert_eq!(dropped.load(SeqCst), 4);
    assert!(matches!(handle.submit(async {}).await, Err(SubmitError::Closed(_))));
}

struct Tell(Arc<AtomicUsize>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

async fn s14_a_drain_adds_up<R: Runtime>(rt: R) {
    let pool = WorkerPool::builder().workers(2).queue(64).build(&rt).expect("a good configuration");
    for _ in 0..10 {
        let rt = rt.clone();
        pool.submit(async move { rt.sleep(ms(1)).await }).await.expect("it is open").detach();
        pool.submit(Job::new(async { panic!("as it must") })).await.expect("it is open").detach();
        let queued = pool.submit(Job::blocking(|| ())).await.expect("it is open");
        queued.abort();
        queued.detach();
    }
    let stuck = pool.submit(pending::<()>()).await.expect("it is open");
    let until = CancelToken::with_deadline(&rt, rt.now() + ms(40));
    let report = rt.timeout(SOON, pool.drain(&until, SOON)).await.expect("no hang");
    assert!(stuck.await.unwrap_err().is_cancelled());
    assert_eq!(report.finished + report.panicked + report.cancelled, 31, "{report:?}");
    assert!(report.cancelled >= 1 && report.still_blocking.is_empty(), "{report:?}");
}

async fn s27_a_blocking_job_that_does_not_end_is_named_in_the_report<R: Runtime>(rt: R) {
    if rt.name() == "sim" {
        // Where nothing is done beside a blocking job that waits.
        return;
    }
    let root = Root::new(&rt);
    let pool = WorkerPool::builder().workers(1).build(&root).expect("a good configuration");
    let (end, ended) = mpsc::channel::<()>();
    let ended = Mutex::new(ended);
    let job = Job::blocking(move || ended.lock().unwrap_or_else(PoisonError::into_inner).recv().is_ok());
    let job = pool.submit(job.named("watch files")).await.expect("it is open");
    let behind = pool.submit(Job::blocking(|| true)).await.expect("it is open");
    while pool.stats().blocking == 0 {
        rt.sleep(ms(1)).await;
    }
    job.abort(); // it has begun
    let until = CancelToken::new();
    until.cancel();
    let report = pool.drain(&until, ms(5)).await;
    let names: Vec<_> = report.still_blocking.iter().map(|label| label.name()).collect();
    assert_eq!(names, [Some("watch files")]);
    assert_eq!((report.finished, report.cancelled), (0, 1));
    assert!(behind.await.unwrap_err().is_cancelled());
    assert_eq!(root.orphaned(), 1, "the parent has it");
    end.send(()).expect("it waits");
    assert!(rt.timeout(SOON, job).await.expect("no hang").expect("its value is delivered"));
}

/// Runs until the pool's token is cancelled, for ten seconds at most.
fn looks_at(token: CancelToken) -> impl FnOnce() -> bool + Send {
    move || {
        (0..10_000).any(|_| {
            thread::park_timeout(ms(1));
            token.is_cancelled()
        })
    }
}

async fn a_blocking_job_that_looks_at_the_pools_token_ends_within_the_grace<R: Runtime>(rt: R) {
    if rt.name() == "sim" {
        return;
    }
    let pool = WorkerPool::builder().workers(1).build(&rt).expect("a good configuration");
    let token = pool.token().clone();
    let job = pool.submit(Job::blocking(looks_at(token.clone()))).await.expect("it is open");
    while pool.stats().blocking == 0 {
        rt.sleep(ms(1)).await;
    }
    let until = CancelToken::new();
    until.cancel_with("received SIGTERM");
    let report = pool.drain(&until, SOON / 2).await;
    assert_eq!((report.finished, report.still_blocking.len()), (1, 0));
    assert!(job.await.expect("its value is delivered"));
    assert_eq!(token.reason(), until.reason());
}

async fn a_pool_that_is_dropped_tells_its_blocking_jobs<R: Runtime>(rt: R) {
    if rt.name() == "sim" {
        return;
    }
    let root = Root::new(&rt);
    let pool = WorkerPool::builder().workers(1).build(&root).expect("a good configuration");
    let job = pool.submit(Job::blocking(looks_at(pool.token().clone()))).await.expect("it is open");
    while pool.stats().blocking == 0 {
        rt.sleep(ms(1)).await;
    }
    drop(pool);
    assert!(!root.token().is_cancelled());
    assert!(rt.timeout(SOON, job).await.expect("no hang").expect("its value is delivered"));
}
