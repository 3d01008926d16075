//! Every operation of a pool, and the pool itself, cut off before each poll.

use super::{HOUR, adds_up, after, pool, wait_while};
use crate::kit::ms;
use backstay::testing::{Sim, Subject, abort_sweep, cancel_sweep, panic_sweep};
use backstay_core::Runtime;
use backstay_core::task::{CancelToken, Job, PoolHandle, Root, WorkerPool};

#[track_caller]
fn every_sweep<F: Future<Output = ()>>(polls: u64, scenario: impl Fn(Sim, Subject) -> F) {
    for swept in [
        cancel_sweep(&scenario, |_, ()| async {}),
        abort_sweep(&scenario, |_, ()| async {}),
        panic_sweep(&scenario, |_, ()| async {}),
    ] {
        match swept {
            Ok(swept) => assert!(swept.polls >= polls, "the subject had {} polls", swept.polls),
            Err(failure) => panic!("{failure}"),
        }
    }
}

/// Two others run jobs of both kinds, the subject does too; whatever becomes of it, they lose nothing, and in the end
/// all is free.
async fn among_others<F, T>(rt: Sim, subject: Subject, operation: impl FnOnce(Sim, PoolHandle) -> F)
where
    F: Future<Output = T>,
{
    let pool = pool(&rt, 2, 1);
    let others = [1_u64, 2].map(|id| {
        let (handle, rt) = (pool.handle().clone(), rt.clone());
        rt.clone().spawn(async move {
            for number in 0..3 {
                assert_eq!(handle.run(after(&rt, id, number)).await.unwrap(), number);
                assert_eq!(handle.run(Job::blocking(move || number)).await.unwrap(), number);
            }
        })
    });
    subject.run(operation(rt.clone(), pool.handle().clone())).await;
    for other in others {
        other.await.unwrap();
    }
    // What was submitted without anybody waiting for it.
    wait_while(&rt, || pool.stats().queued + pool.stats().running > 0).await;
    adds_up(&pool.stats());
    // Both workers, and the place.
    let jobs = [pool.submit(after(&rt, 1, 1)), pool.submit(after(&rt, 1, 2))];
    for job in jobs {
        job.await.unwrap().await.unwrap();
    }
    let report = pool.drain(&CancelToken::new(), ms(0)).await;
    assert_eq!(report.panicked, 0);
    assert!(report.finished >= 14);
}

#[test]
fn s09_run_can_be_dropped_at_every_poll() {
    every_sweep(4, |rt, subject| {
        among_others(rt, subject, |rt, pool| async move {
            for number in 0..3 {
                pool.run(after(&rt, 1, number)).await.unwrap();
                pool.run(Job::blocking(move || number)).await.unwrap();
            }
        })
    });
}

#[test]
fn s09_submit_can_be_dropped_at_every_poll() {
    every_sweep(4, |rt, subject| {
        among_others(rt, subject, |rt, pool| async move {
            for number in 0..4 {
                pool.submit(after(&rt, 1, number)).await.unwrap().detach();
                let job = pool.submit(Job::blocking(move || number)).await.unwrap();
                assert_eq!(job.await.unwrap(), number);
            }
        })
    });
}

#[test]
fn s09_a_job_that_is_aborted_can_be_left_at_every_poll() {
    every_sweep(3, |rt, subject| {
        among_others(rt, subject, |rt, pool| async move {
            for number in 0..3 {
                let job = pool.submit(after(&rt, 5, number)).await.unwrap();
                rt.yield_now().await;
                job.abort();
                let _ = job.await;
            }
        })
    });
}

/// The owner of the pool, cut off: its jobs end, its parent is left with nothing.
#[test]
fn s09_the_pool_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt, subject| async move {
        let root = Root::new(&rt);
        let pool = WorkerPool::builder().workers(2).queue(2).build(&root).unwrap();
        let handle = pool.handle().clone();
        let users = [1_u64, 2, 3].map(|id| {
            let (handle, rt) = (handle.clone(), rt.clone());
            rt.clone().spawn(async move {
                for number in 0..3 {
                    let gave = if number % 2 == 0 {
                        handle.run(after(&rt, id, number)).await
                    } else {
                        handle.run(Job::blocking(move || number)).await
                    };
                    match gave {
                        Ok(gave) => assert_eq!(gave, number),
                        Err(_) => return false,
                    }
                }
                true
            })
        });
        let owner = async {
            let mut pool = pool;
            rt.sleep(ms(1)).await;
            pool.resize(3).unwrap();
            rt.sleep(ms(1)).await;
            pool.resize(1).unwrap();
            rt.sleep(ms(50)).await;
            pool.drain(&CancelToken::new(), HOUR).await
        };
        let report = subject.run(owner).await;
        for user in users {
            let all = user.await.unwrap();
            assert!(all || report.is_none(), "nothing is cancelled without a reason");
        }
        if let Some(report) = report {
            assert_eq!((report.finished, report.cancelled), (9, 0));
        }
        adds_up(&handle.stats());
        let stats = handle.stats();
        assert_eq!((stats.queued, stats.running), (0, 0));
        // Workers whose turn is still to come have been aborted.
        wait_while(&rt, || handle.stats().workers > 0).await;
    });
}

#[test]
fn s09_drain_can_be_dropped_at_every_poll() {
    every_sweep(2, |rt, subject| async move {
        let pool = pool(&rt, 2, 8);
        let handle = pool.handle().clone();
        let jobs: Vec<_> = (0..6).map(|n| pool.try_submit(after(&rt, 2 * n, n)).unwrap()).collect();
        let until = CancelToken::with_deadline(&rt, rt.now() + ms(9));
        let drained = async { pool.drain(&until, ms(5)).await };
        let report = subject.run(drained).await;
        let mut ended = (0, 0);
        for job in jobs {
            match job.await {
                Ok(_) => ended.0 += 1,
                Err(error) => {
                    assert!(error.is_cancelled(), "{error}");
                    ended.1 += 1;
                }
            }
        }
        if let Some(report) = report {
            assert_eq!((report.finished, report.cancelled), ended);
        }
        adds_up(&handle.stats());
    });
}
