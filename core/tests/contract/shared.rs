//! A shared future between tasks that really run at the same time.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::future::shared;
use backstay_core::{JoinHandle, Runtime};
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;

test_on_every_runtime! {
    s08_all_resolve_though_wakes_meet_polls_and_one_is_dropped
    s08_a_panic_reaches_every_task
}

async fn s08_all_resolve_though_wakes_meet_polls_and_one_is_dropped<R: Runtime>(rt: R) {
    const POLLS: usize = 40;
    let polls = Arc::new(AtomicUsize::new(0));
    let shared = shared({
        let (rt, polls) = (rt.clone(), Arc::clone(&polls));
        poll_fn(move |cx| {
            if polls.fetch_add(1, SeqCst) >= POLLS {
                return Poll::Ready("output");
            }
            // Another thread wakes it, during this poll or after it.
            let waker = cx.waker().clone();
            rt.spawn_blocking(move || waker.wake()).detach();
            Poll::Pending
        })
    });
    let dropped = rt.spawn(shared.clone());
    let tasks = [(); 6].map(|()| rt.spawn(shared.clone()));
    rt.yield_now().await;
    dropped.abort();
    for task in tasks {
        let output = rt.timeout(SOON, task).await.expect("nobody is stranded").expect("no panic");
        assert_eq!(output, Ok("output"));
    }
    let _ = dropped.await;
    assert_eq!(polls.load(SeqCst), POLLS + 1, "a poll for each wake");
}

async fn s08_a_panic_reaches_every_task<R: Runtime>(rt: R) {
    let shared = shared({
        let rt = rt.clone();
        async move {
            rt.sleep(ms(2)).await;
            resume_unwind(Box::new("disk full")) as u32
        }
    });
    let tasks = [(); 4].map(|()| rt.spawn(shared.clone()));
    for task in tasks {
        let outcome = rt.timeout(SOON, task).await.expect("nobody sleeps on").expect("it unwinds nowhere");
        let error = outcome.expect_err("it panicked");
        assert_eq!(error.panic().message(), Some("disk full"));
    }
    assert!(shared.await.is_err());
}
