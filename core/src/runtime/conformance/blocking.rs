//! Blocking jobs: C11 to C13.

use super::Make;
use super::kit::{Flag, SharedHandle, run, soon, until};
use crate::runtime::{BlockOn, JoinError, JoinHandle, Runtime};
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

/// C11: dropping the handle of a blocking job detaches, also while it is queued.
pub fn c11_blocking_drop_detaches<O: BlockOn>(make: Make<'_, O>) {
    const JOBS: usize = 100;

    run(make(), |rt| async move {
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..JOBS {
            let ran = Arc::clone(&ran);
            let job = rt.spawn_blocking(move || ran.fetch_add(1, Ordering::SeqCst));
            drop(job);
        }
        until(&rt, "every detached job has run", || ran.load(Ordering::SeqCst) == JOBS).await;
    });
}

/// C12: aborting a blocking job: queued, it never runs; running, it runs to its end and delivers its value.
pub fn c12_blocking_abort<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        // Queued, or just started: whatever its outcome says is what happened.
        let mut never_ran = Vec::new();
        for _ in 0..1_000 {
            let ran = Flag::default();
            let job = rt.spawn_blocking({
                let ran = ran.clone();
                move || ran.set()
            });
            job.abort();
            match soon(&rt, "an aborted job", job).await {
                Ok(()) => assert!(ran.is_set(), "a job gave a value and had not run"),
                Err(JoinError::Aborted) => never_ran.push(ran),
                Err(error) => panic!("an aborted job gave {error:?}"),
            }
            if never_ran.len() == 100 {
                break;
            }
        }
        // A thread may be faster than the abort, but not a thousand times.
        assert!(!never_ran.is_empty(), "ran in spite of the abort, every time");
        assert!(!never_ran.iter().any(Flag::is_set), "a job ran and its outcome is Aborted");

        // Running: the job aborts itself.
        let (own, its_own) = channel::<SharedHandle<_>>();
        let job = SharedHandle::new(rt.spawn_blocking(move || {
            if let Ok(own) = its_own.recv() {
                own.abort::<u32>();
            }
            7
        }));
        own.send(job.clone()).expect("the job waits for it");
        let outcome = soon(&rt, "a job that aborts itself", poll_fn(|cx| job.poll_join(cx))).await;
        assert!(matches!(outcome, Ok(7)), "a job that ran to its end gave {outcome:?}");
    });
}

/// C13: a panic of a blocking job is `Panicked`.
pub fn c13_blocking_panic<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        for _ in 0..8 {
            // As `panic!` does, without the hook, which would print.
            let job = rt.spawn_blocking(|| {
                if true {
                    resume_unwind(Box::new("a job's panic"));
                }
            });
            match soon(&rt, "a job that panics", job).await {
                Err(JoinError::Panicked(panic)) => assert_eq!(panic.message(), Some("a job's panic")),
                outcome => panic!("a job's panic gave {outcome:?}"),
            }
        }
        assert!(matches!(soon(&rt, "a job after the panics", rt.spawn_blocking(|| 1)).await, Ok(1)));
    });
}
