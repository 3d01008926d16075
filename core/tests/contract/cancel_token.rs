//! The token, across tasks and threads, and its deadline on each runtime's own clock and timers.

use crate::kit::{SOON, drop_after, ms, poll_once};
use backstay::test_on_every_runtime;
use backstay_core::task::{CancelReason, CancelToken};
use backstay_core::time::Instant;
use backstay_core::{JoinHandle, Runtime};
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

test_on_every_runtime! {
    s28_work_in_other_tasks_is_dropped_when_it_is_cancelled
    s28_tokens_come_and_go_while_all_are_cancelled
    s09_a_wait_may_be_dropped_at_any_poll
    s17_a_shield_sees_its_work_through
    b32_a_deadline_is_never_early_and_needs_nobody
    s20_a_deadline_may_be_past_or_never
    a_guard_in_a_task_that_is_aborted_cancels
}

async fn s28_work_in_other_tasks_is_dropped_when_it_is_cancelled<R: Runtime>(rt: R) {
    let root = CancelToken::new();
    let held = Arc::new(());
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (token, held) = (root.child(), Arc::clone(&held));
            rt.spawn(async move {
                let work = async move {
                    pending::<()>().await;
                    drop(held);
                };
                token.run(work).await
            })
        })
        .collect();
    rt.yield_now().await;
    root.cancel_with("enough");
    for task in tasks {
        let outcome = rt.timeout(SOON, task).await.expect("it is told").expect("no panic");
        assert_eq!(outcome.expect_err("it never ends").to_string(), "cancelled: enough");
    }
    assert_eq!(Arc::strong_count(&held), 1);
}

async fn s28_tokens_come_and_go_while_all_are_cancelled<R: Runtime>(rt: R) {
    let root = CancelToken::new();
    let begun = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (rt, root, begun) = (rt.clone(), root.clone(), Arc::clone(&begun));
            rt.clone().spawn(async move {
                let mut kept = Vec::new();
                while !root.is_cancelled() {
                    let request = root.child();
                    let part = request.child();
                    drop(request);
                    let _ = poll_once(pin!(part.cancelled()));
                    kept.push(part);
                    if kept.len() > 10 {
                        kept.swap_remove(3).cancel();
                        kept.swap_remove(0);
                    }
                    begun.fetch_add(1, SeqCst);
                    rt.yield_now().await;
                }
                assert!(root.child().is_cancelled());
                for part in kept {
                    assert_eq!(part.cancelled().await, CancelReason::Explicit);
                }
            })
        })
        .collect();
    while begun.load(SeqCst) < 100 {
        rt.yield_now().await;
    }
    root.cancel();
    for task in tasks {
        rt.timeout(SOON, task).await.expect("it is told").expect("no panic");
    }
}

async fn s09_a_wait_may_be_dropped_at_any_poll<R: Runtime>(rt: R) {
    for polls in 0..3 {
        let token = CancelToken::with_deadline(&rt, rt.now() + SOON);
        assert!(drop_after(&rt, polls, token.cancelled()).await.is_none());
        assert!(drop_after(&rt, polls, token.run(pending::<()>())).await.is_none());
        let waiting = rt.spawn(token.clone().cancelled_owned());
        token.cancel();
        assert_eq!(waiting.await.expect("no panic"), CancelReason::Explicit);
    }
}

async fn s17_a_shield_sees_its_work_through<R: Runtime>(rt: R) {
    let token = CancelToken::new();
    let steps = Arc::new(AtomicU32::new(0));
    let work = rt.spawn({
        let (rt, token, steps) = (rt.clone(), token.clone(), Arc::clone(&steps));
        async move {
            let work = async {
                let shield = token.shield();
                steps.store(1, SeqCst);
                rt.sleep(ms(5)).await;
                steps.store(2, SeqCst);
                drop(shield);
                pending::<()>().await;
            };
            token.run(work).await
        }
    });
    while steps.load(SeqCst) == 0 {
        rt.yield_now().await;
    }
    token.cancel();
    let outcome = rt.timeout(SOON, work).await.expect("it ends").expect("no panic");
    assert!(outcome.is_err());
    assert_eq!(steps.load(SeqCst), 2);
}

async fn b32_a_deadline_is_never_early_and_needs_nobody<R: Runtime>(rt: R) {
    let at = rt.now() + ms(5);
    let token = CancelToken::with_deadline(&rt, at);
    let child = token.child_with_deadline(&rt, at + SOON);
    assert_eq!((child.deadline(), child.remaining() <= Some(ms(5))), (Some(at), true));
    let waiting = rt.spawn({
        let (rt, child) = (rt.clone(), child.clone());
        async move { (child.cancelled().await, rt.now()) }
    });
    let outcome = rt.timeout(SOON, token.run(pending::<()>())).await.expect("it ends by itself");
    assert_eq!(*outcome.expect_err("it never ends").reason(), CancelReason::Deadline);
    assert!(rt.now() >= at);
    let (reason, when) = rt.timeout(SOON, waiting).await.expect("it ends by itself").expect("no panic");
    assert_eq!(reason, CancelReason::Deadline);
    assert!(when >= at);
}

async fn s20_a_deadline_may_be_past_or_never<R: Runtime>(rt: R) {
    let late = CancelToken::with_deadline(&rt, rt.now());
    assert_eq!(late.reason(), Some(CancelReason::Deadline));
    assert!(late.run(async { unreachable!("it is late") }).await.is_err());
    let far = CancelToken::with_deadline(&rt, Instant::from_nanos(u64::MAX - 1));
    let never = CancelToken::with_deadline(&rt, Instant::MAX);
    assert_eq!(never.deadline(), None);
    for token in [far, never] {
        assert!(!token.is_cancelled());
        assert!(poll_once(pin!(token.cancelled())).is_pending());
    }
}

async fn a_guard_in_a_task_that_is_aborted_cancels<R: Runtime>(rt: R) {
    let token = CancelToken::new();
    let task = rt.spawn({
        let guard = token.clone().drop_guard();
        async move {
            let _guard = guard;
            pending::<()>().await;
        }
    });
    rt.yield_now().await;
    task.abort();
    assert!(task.await.is_err());
    assert_eq!(token.reason(), Some(CancelReason::GuardDropped));
}
