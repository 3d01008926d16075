//! Outcomes of tasks, and clocks of handles.

use crate::kit::{SOON, drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::time::Instant;
use backstay_core::{JoinError, JoinHandle, Runtime};
use std::error::Error;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

test_on_every_runtime! {
    s18_a_panic_is_caught_once_and_told_apart
    c08_no_destructor_ends_the_process_or_a_worker
    a_join_handle_may_be_dropped_and_taken_up_at_every_poll
    a_name_changes_nothing
    instants_convert_to_the_standard_library_and_back
    random_numbers_differ
}

async fn s18_a_panic_is_caught_once_and_told_apart<R: Runtime>(rt: R) {
    let task = rt.spawn(async {
        if true {
            resume_unwind(Box::new("disk full"));
        }
    });
    let error = task.await.expect_err("it panicked");
    assert_eq!(error.to_string(), "the task panicked: disk full");
    assert!(error.source().is_none());
    let JoinError::Panicked(panic) = error else { panic!("{error:?}") };
    let resumed = catch_unwind(AssertUnwindSafe(|| panic.resume())).expect_err("it goes on panicking");
    assert_eq!(resumed.downcast_ref(), Some(&"disk full"));
}

async fn c08_no_destructor_ends_the_process_or_a_worker<R: Runtime>(rt: R) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            // Without the panic hook: it would print.
            resume_unwind(Box::new("a destructor"));
        }
    }

    for _ in 0..20 {
        // A value that nobody takes; a future that ends; one that is aborted before or after its first poll.
        drop(rt.spawn(async { Bomb }));
        drop(rt.spawn_blocking(|| Bomb));
        let ended = rt.spawn(async {
            let _bomb = Bomb;
        });
        assert!(matches!(ended.await, Err(JoinError::Panicked(_))));
        let aborted = rt.spawn(async {
            let _bomb = Bomb;
            pending::<()>().await;
        });
        aborted.abort();
        assert!(aborted.await.is_err());
        // A job that is aborted with what it holds.
        let bomb = Bomb;
        let job = rt.spawn_blocking(move || std::mem::forget(bomb));
        job.abort();
        let _ = job.await;
    }
    assert!(matches!(rt.timeout(SOON, rt.spawn(async { 1 })).await, Ok(Ok(1))));
    assert!(matches!(rt.timeout(SOON, rt.spawn_blocking(|| 1)).await, Ok(Ok(1))));
}

async fn a_join_handle_may_be_dropped_and_taken_up_at_every_poll<R: Runtime>(rt: R) {
    for polls in 0..6 {
        let mut task = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(ms(2)).await;
                7
            }
        });
        let outcome = match drop_after(&rt, polls, &mut task).await {
            Some(outcome) => outcome,
            None => rt.timeout(SOON, task).await.expect("the outcome is still there"),
        };
        assert!(matches!(outcome, Ok(7)), "after {polls} polls: {outcome:?}");
    }
}

async fn a_name_changes_nothing<R: Runtime>(rt: R) {
    assert!(matches!(rt.spawn_named("adder", async { 1 + 1 }).await, Ok(2)));
    let task = rt.spawn_named("", pending::<()>());
    task.abort();
    assert!(matches!(task.await, Err(JoinError::Aborted)));
    rt.spawn_named("let go", async {}).detach();
}

async fn instants_convert_to_the_standard_library_and_back<R: Runtime>(rt: R) {
    let now = rt.now();
    assert_eq!(rt.from_std(rt.to_std(now)), now);
    assert_eq!(rt.to_std(now + ms(5)) - rt.to_std(now), ms(5));
    assert!(rt.to_std(Instant::MAX) > rt.to_std(now + ms(1_000)));
    assert!(rt.from_std(rt.to_std(Instant::ORIGIN)) == Instant::ORIGIN);
}

async fn random_numbers_differ<R: Runtime>(rt: R) {
    let first = rt.random_u64();
    assert!((0..10).any(|_| rt.random_u64() != first));
}
