//! Queues that are full.

use super::{adds_up, after, explore, pool, pool_that, run, wait_while};
use crate::kit::poll_once;
use backstay::testing::Sim;
use backstay_core::Runtime;
use backstay_core::task::{Job, JobError, JobHandle, PoolOverflow, Priority, SubmitError, WorkerPool};
use std::future::pending;
use std::pin::pin;

/// A pool whose one worker is at a job that doesn't end by itself.
async fn busy(rt: &Sim, queue: usize, overflow: PoolOverflow) -> (WorkerPool<Sim>, JobHandle<()>) {
    let pool = pool_that(rt, 1, queue, overflow);
    let holds = pool.submit(pending::<()>()).await.unwrap();
    wait_while(rt, || pool.stats().running == 0).await;
    (pool, holds)
}

#[test]
fn s10_a_pool_that_waits_loses_nothing_and_keeps_the_line() {
    explore(|rt| async move {
        let (pool, holds) = busy(&rt, 1, PoolOverflow::Wait).await;
        let queued = pool.submit(async { 0 }).await.unwrap();
        assert!(matches!(pool.try_submit(async { 1 }), Err(SubmitError::Full(_))));
        let mut first = Box::pin(pool.submit(async { 1 }));
        let mut second = pin!(pool.run(async { 2 }));
        assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());
        let gives_up = std::pin::Pin::into_inner(first).into_job().expect("it has not been submitted");
        assert_eq!(gives_up.into_inner().await, 1);
        holds.abort();
        assert_eq!(second.await.unwrap(), 2);
        assert_eq!(queued.await.unwrap(), 0);
        let stats = pool.stats();
        assert_eq!((stats.submitted, stats.rejected, stats.dropped), (3, 1, 0));
        adds_up(&stats);
    });
}

#[test]
fn s10_a_pool_that_rejects_gives_the_job_back() {
    explore(|rt| async move {
        let (pool, holds) = busy(&rt, 1, PoolOverflow::Reject).await;
        let queued = pool.submit(async { 0 }).await.unwrap();
        let error = pool.submit(Job::blocking(|| 1).named("one")).await.unwrap_err();
        assert_eq!(error.to_string(), "no place for the job `one`, the queue is full");
        assert_eq!(error.into_job().into_inner()(), 1);
        let mut run = pool.run(async { 2 });
        assert!(matches!((&mut run).await, Err(JobError::Rejected { .. })));
        assert_eq!(run.into_job().unwrap().into_inner().await, 2);
        assert_eq!(pool.stats().rejected, 2);
        holds.abort();
        assert_eq!(queued.await.unwrap(), 0);
        assert_eq!(pool.stats().submitted, 2);
    });
}

#[test]
fn a_pool_that_drops_tells_whose_job_it_was_and_counts() {
    for (overflow, kept) in [(PoolOverflow::DropOldest, [2, 3]), (PoolOverflow::DropNewest, [0, 1])] {
        explore(move |rt| async move {
            let (pool, holds) = busy(&rt, 2, overflow).await;
            let mut jobs = Vec::new();
            for number in 0..4 {
                let job = Job::new(async move { number }).named(format!("{number}"));
                jobs.push(pool.submit(job).await.unwrap());
                assert!(pool.stats().queued <= 2);
                adds_up(&pool.stats());
            }
            assert_eq!((pool.stats().dropped, pool.stats().queued), (2, 2));
            holds.abort();
            for (number, job) in (0..).zip(jobs) {
                match job.await {
                    Ok(value) => assert!(value == number && kept.contains(&number)),
                    Err(JobError::Dropped { label }) => {
                        assert!(label.name() == Some(&number.to_string()) && !kept.contains(&number));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        });
    }
}

#[test]
fn what_is_least_urgent_goes_first() {
    for overflow in [PoolOverflow::DropOldest, PoolOverflow::DropNewest] {
        run(|rt| async move {
            let (pool, holds) = busy(&rt, 2, overflow).await;
            let job = |value, priority| Job::new(async move { value }).priority(priority);
            let low = pool.submit(job(0, Priority::Low)).await.unwrap();
            let normal = pool.submit(job(1, Priority::Normal)).await.unwrap();
            let high = pool.submit(job(2, Priority::High)).await.unwrap();
            assert!(matches!(low.await, Err(JobError::Dropped { .. })));
            let late = pool.submit(job(3, Priority::Low)).await.unwrap();
            assert!(matches!(late.await, Err(JobError::Dropped { .. })), "the new one is the one to go");
            holds.abort();
            assert_eq!((normal.await.unwrap(), high.await.unwrap()), (1, 2));
        });
    }
}

#[test]
fn a_place_that_is_free_goes_to_who_waits() {
    explore(|rt| async move {
        let pool = pool(&rt, 2, 1);
        let submitters: Vec<_> = (0..4_u64)
            .map(|id| {
                let (handle, rt) = (pool.handle().clone(), rt.clone());
                rt.clone().spawn(async move {
                    let mut sum = 0;
                    for number in 0..4 {
                        sum += handle.run(after(&rt, number, id)).await.unwrap();
                    }
                    sum
                })
            })
            .collect();
        for (id, submitter) in (0..).zip(submitters) {
            assert_eq!(submitter.await.unwrap(), 4 * id);
        }
        assert_eq!(pool.stats().finished, 16);
    });
}
