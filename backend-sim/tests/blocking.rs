//! Blocking jobs in virtual time.

use backstay_core::{JoinError, JoinHandle, Runtime};
use backstay_sim::{Explore, Faults, Sim};
use std::future::pending;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_job_takes_the_time_that_a_test_gives_it() {
    let run = Sim::builder().blocking_cost(3 * MS).run(|rt: Sim| async move {
        let clock = rt.clone();
        let at = rt.spawn_blocking(move || clock.now().since_origin()).await.expect("it runs");
        assert_eq!(at, 3 * MS);
        rt.set_blocking_cost(Duration::from_secs(3_600));
        let long = rt.spawn_blocking(|| ());
        rt.set_blocking_cost(Duration::ZERO);
        rt.spawn_blocking(|| ()).await.expect("it runs beside the long one");
        assert_eq!(rt.now().since_origin(), 3 * MS);
        long.await.expect("it runs");
        rt.now().since_origin()
    });
    assert_eq!(run.expect("it ends").value, 3 * MS + Duration::from_secs(3_600));
}

#[test]
fn no_more_jobs_run_than_there_are_threads_and_each_in_its_turn() {
    let threads = NonZeroUsize::new(2).expect("not zero");
    let builder = Sim::builder().blocking_cost(MS).max_blocking_threads(threads);
    let explored = Explore::seeds(0..100).builder(builder).run(|rt: Sim| async move {
        let jobs: Vec<_> = (0..7).map(|_| rt.spawn_blocking(|| ())).collect();
        for job in jobs {
            job.await.expect("it runs");
        }
        // Two at a time, a millisecond each.
        assert_eq!(rt.now().since_origin(), 4 * MS);
    });
    explored.expect("the threads are used, and no more");
}

#[test]
fn an_aborted_job_gives_its_place_to_the_next() {
    let builder = Sim::builder().blocking_cost(MS).max_blocking_threads(NonZeroUsize::MIN);
    let explored =
        Explore::seeds(0..500).builder(builder.faults(Faults::gentle())).run(|rt: Sim| async move {
            let ran = Arc::new(AtomicU32::new(0));
            let job = || {
                let ran = Arc::clone(&ran);
                rt.spawn_blocking(move || ran.fetch_add(1, SeqCst))
            };
            let (first, second, third) = (job(), job(), job());
            // At about the time at which the first gives its thread to the second.
            rt.sleep(MS).await;
            second.abort();
            first.await.expect("it runs");
            let outcome = second.await;
            third.await.expect("it gets the thread");
            match outcome {
                Ok(_) => assert_eq!(ran.load(SeqCst), 3),
                Err(JoinError::Aborted) => assert_eq!(ran.load(SeqCst), 2),
                Err(error) => panic!("{error}"),
            }
        });
    explored.expect("no thread is lost");
}

#[test]
fn a_job_runs_at_any_point_of_the_schedule() {
    let orders: std::collections::BTreeSet<_> = (0..100)
        .map(|seed| {
            let run = Sim::builder().seed(seed).run(|rt: Sim| async move {
                let at = Arc::new(AtomicU32::new(0));
                let seen = Arc::clone(&at);
                let job = rt.spawn_blocking(move || seen.load(SeqCst));
                for _ in 0..3 {
                    at.fetch_add(1, SeqCst);
                    rt.yield_now().await;
                }
                job.await.expect("it runs")
            });
            run.expect("it ends").value
        })
        .collect();
    assert!(orders.len() >= 3, "{orders:?}");
}

#[test]
fn a_job_that_panics_gives_its_thread_back() {
    let run = Sim::builder().max_blocking_threads(NonZeroUsize::MIN).run(|rt: Sim| async move {
        let job = rt.spawn_blocking(|| std::panic::resume_unwind(Box::new("a job's panic")));
        assert!(matches!(job.await.map(|_: ()| ()), Err(JoinError::Panicked(_))));
        rt.spawn_blocking(|| 1).await.expect("it runs")
    });
    assert_eq!(run.expect("it ends").value, 1);
}

#[test]
fn jobs_that_wait_overlap_and_the_tasks_go_on() {
    let builder = Sim::builder().faults(Faults::gentle());
    let explored = Explore::seeds(0..200).builder(builder).run(|rt: Sim| async move {
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        // The longest is the first.
        let jobs: Vec<_> = (0..4_u32)
            .map(|number| {
                let (rt2, order) = (rt.clone(), Arc::clone(&order));
                rt.spawn_blocking(move || {
                    let until = backstay_core::time::Instant::ORIGIN + 1_000 * MS * (4 - number);
                    rt2.block_thread(rt2.sleep_until(until));
                    order.lock().unwrap().push(number);
                    rt2.now()
                })
            })
            .collect();
        let ticks = rt.spawn({
            let rt = rt.clone();
            async move {
                for _ in 0..10 {
                    rt.sleep(100 * MS).await;
                }
                rt.now()
            }
        });
        assert!(ticks.await.expect("it ends").since_origin() < Duration::from_secs(2));
        for job in jobs {
            job.await.expect("it ends");
        }
        assert_eq!(*order.lock().unwrap(), [3, 2, 1, 0]);
        assert!(rt.now().since_origin() < Duration::from_secs(5));
    });
    explored.expect("the same each time, and by the clock");
}

#[test]
fn a_job_that_waits_for_ever_is_a_deadlock_and_is_unwound() {
    struct Held(Arc<AtomicU32>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let dropped = Arc::new(AtomicU32::new(0));
    let held = Arc::clone(&dropped);
    let failure = Sim::builder().run(move |rt: Sim| async move {
        let clock = rt.clone();
        let job = rt.spawn_blocking(move || {
            let _held = Held(held);
            clock.block_thread(pending::<()>());
        });
        job.await
    });
    let report = failure.expect_err("nobody wakes it").to_string();
    assert!(report.contains("deadlock"), "{report}");
    assert_eq!(dropped.load(SeqCst), 1, "what it held is given back");
}

#[test]
fn what_an_unwound_job_drops_may_wait_and_the_report_is_the_deadlocks() {
    struct Waits(Sim, Arc<AtomicU32>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.1.fetch_add(1, SeqCst);
            self.0.block_thread(self.0.sleep(MS));
            self.1.fetch_add(1, SeqCst);
        }
    }
    let steps = Arc::new(AtomicU32::new(0));
    for panics in [false, true] {
        let waits = Arc::clone(&steps);
        let failure = Sim::builder().run(move |rt: Sim| async move {
            let job = rt.clone();
            let job = move || {
                let _waits = Waits(job.clone(), waits);
                if panics {
                    // Its own panic: it is unwound while the run goes on, and what it waits for comes.
                    panic!("planted");
                }
                job.block_thread(pending::<()>());
            };
            assert_eq!(rt.spawn_blocking(job).await.is_err_and(|error| error.is_panicked()), panics);
        });
        match failure {
            Ok(_) => assert!(panics),
            Err(failure) => assert!(failure.to_string().contains("deadlock"), "{failure}"),
        }
        // In vain, where the run has ended.
        assert_eq!(steps.swap(0, SeqCst), if panics { 2 } else { 1 });
    }
}

#[test]
fn a_job_that_catches_its_end_may_wait_again() {
    let caught = Arc::new(AtomicU32::new(0));
    let counts = Arc::clone(&caught);
    let failure = Sim::builder().run(move |rt: Sim| async move {
        let job = rt.clone();
        rt.spawn_blocking(move || {
            for _ in 0..3 {
                let waits = AssertUnwindSafe(|| job.block_thread(pending::<()>()));
                assert!(catch_unwind(waits).is_err());
                counts.fetch_add(1, SeqCst);
            }
        })
        .await
    });
    assert!(failure.expect_err("nobody wakes it").to_string().contains("deadlock"));
    assert_eq!(caught.load(SeqCst), 3);
}

#[test]
fn a_task_that_would_block_its_thread_is_told_so() {
    let failure = Sim::builder().run(|rt: Sim| async move {
        assert_eq!(rt.block_thread(async { 7 }), 7, "what is ready does not wait");
        rt.block_thread(rt.sleep(MS));
    });
    let report = failure.expect_err("it can't wait").to_string();
    assert!(report.contains("block in a job of spawn_blocking"), "{report}");
}

#[test]
fn a_panic_after_a_wait_is_the_jobs() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let clock = rt.clone();
        let job = rt.spawn_blocking(move || {
            clock.block_thread(clock.sleep(MS));
            panic!("after a wait");
        });
        let error: JoinError = job.await.expect_err("it panics");
        error.to_string()
    });
    assert!(run.expect("only the job panicked").value.contains("after a wait"));
}

/// Blocks its thread when it is dropped.
struct Flushes(Sim);

impl Drop for Flushes {
    fn drop(&mut self) {
        self.0.block_thread(pending::<()>());
    }
}

#[test]
fn a_destructor_that_blocks_does_not_hang_the_end_of_a_run() {
    let left = Sim::builder().allow_leak("left").run(async |rt: Sim| {
        let flushes = Flushes(rt.clone());
        rt.spawn_named("left", async move {
            let _flushes = flushes;
            pending::<()>().await;
        })
        .detach();
    });
    left.expect("what a destructor panics with ends there");
    let stuck = Sim::builder().run(async |rt: Sim| {
        let _flushes = Flushes(rt);
        pending::<()>().await;
    });
    let report = stuck.expect_err("it can't end").to_string();
    assert!(report.contains("block_thread in a task of a simulated run"), "{report}");
}
