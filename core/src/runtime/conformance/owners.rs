//! Owners and threads: C10, C18, C21, C22.

use super::Make;
use super::kit::{Flag, foreign_block_on, poll_once, run, soon, until};
use crate::runtime::{BlockOn, JoinError, JoinHandle, Panic, Runtime};
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// C10: after the runtime's end, awaiting and spawning give `Shutdown`; nothing hangs or panics.
pub fn c10_shutdown<O: BlockOn>(make: Make<'_, O>) {
    fn is_shutdown<T: std::fmt::Debug>(outcome: &Result<T, JoinError>) {
        assert!(matches!(outcome, Err(JoinError::Shutdown)), "{outcome:?}");
    }

    let owner = make();
    let rt = owner.runtime().clone();
    let pending_task = rt.spawn(pending::<()>());
    let mut awaited_task = rt.spawn(pending::<()>());
    let woken = Flag::default();
    let waker = Waker::from(Arc::new(woken.clone()));
    assert!(Pin::new(&mut awaited_task).poll(&mut Context::from_waker(&waker)).is_pending());
    let mut polled_sleep = pin!(rt.sleep(HOUR));
    let mut fresh_sleep = pin!(rt.sleep(HOUR));
    assert!(poll_once(polled_sleep.as_mut()).is_pending());
    drop(owner);

    is_shutdown(&foreign_block_on(pending_task));
    is_shutdown(&foreign_block_on(awaited_task));
    assert!(woken.is_set(), "who awaited a task was not woken by the end");
    let spawned = rt.spawn(async { 1 });
    spawned.abort();
    is_shutdown_or_aborted(&foreign_block_on(spawned));
    is_shutdown(&foreign_block_on(rt.spawn(async { 1 })));
    is_shutdown(&foreign_block_on(rt.spawn_blocking(|| 1)));
    assert!(poll_once(polled_sleep.as_mut()).is_pending());
    assert!(poll_once(fresh_sleep.as_mut()).is_pending());
    assert!(poll_once(pin!(rt.sleep(HOUR))).is_pending());
    assert!(poll_once(pin!(rt.timeout(HOUR, pending::<()>()))).is_pending());
    assert_eq!(foreign_block_on(rt.timeout(HOUR, ready(1))), Ok(1));
    assert!(rt.now() <= rt.now());
}

fn is_shutdown_or_aborted<T: std::fmt::Debug>(outcome: &Result<T, JoinError>) {
    assert!(matches!(outcome, Err(JoinError::Shutdown | JoinError::Aborted)), "{outcome:?}");
}

/// C18: spawn and sleep work from a plain thread and under a foreign executor.
pub fn c18_plain_thread_and_foreign_executor<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let plain = {
            let rt = rt.clone();
            let thread = thread::Builder::new().spawn(move || {
                let task = rt.spawn({
                    let rt = rt.clone();
                    async move {
                        rt.sleep(Duration::from_millis(1)).await;
                        3
                    }
                });
                let job = rt.spawn_blocking(|| 4);
                foreign_block_on(async {
                    rt.sleep(Duration::from_millis(2)).await;
                    assert!(rt.timeout(Duration::from_millis(1), pending::<()>()).await.is_err());
                    task.await.expect("it runs") + job.await.expect("it runs")
                })
            });
            thread.expect("a thread can be had")
        };
        // Meanwhile this thread drives the runtime, where nobody else does.
        until(&rt, "the plain thread has ended", || plain.is_finished()).await;
        match plain.join() {
            Ok(sum) => assert_eq!(sum, 7),
            Err(payload) => Panic::new(payload).resume(),
        }
    });
}

/// C21: dropping the last owner inside async code does not panic.
pub fn c21_owner_dropped_in_async_code<O: BlockOn + Send + 'static>(make: Make<'_, O>) {
    let (first, second, third) = (make(), make(), make());
    run(make(), |rt| async move {
        let orphan = first.runtime().spawn(pending::<()>());
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(first)));
        assert!(dropped.is_ok(), "dropping an owner in block_on panicked");
        let outcome = soon(&rt, "a task of a runtime that was dropped in block_on", orphan).await;
        assert!(outcome.is_err(), "{outcome:?}");

        let task = rt.spawn(async move { drop(second) });
        let outcome = soon(&rt, "a task that drops an owner", task).await;
        assert!(outcome.is_ok(), "dropping an owner in a task: {outcome:?}");

        // In a task of its own runtime, if that runs tasks while nobody is in its `block_on`.
        let own = third.runtime().clone();
        let probe = own.spawn(async {});
        rt.sleep(Duration::from_millis(20)).await;
        if probe.is_finished() {
            let dropped = Flag::default();
            own.spawn({
                let dropped = dropped.clone();
                async move {
                    drop(third);
                    dropped.set();
                }
            })
            .detach();
            until(&rt, "an owner is dropped in a task of its own", || dropped.is_set()).await;
        }
    });
}

/// C22: nested `block_on` works, or panics with a message that says what to do; never a silent deadlock.
pub fn c22_nested_block_on<O: BlockOn + Send + Sync + 'static>(make: Make<'_, O>) {
    fn nested<O: BlockOn>(owner: &O) {
        let rt = owner.runtime().clone();
        // Somebody else has to run the task while this thread waits for it.
        let wait = async move {
            rt.sleep(Duration::from_millis(2)).await;
            rt.spawn(async { 1 }).await
        };
        let result = catch_unwind(AssertUnwindSafe(|| owner.block_on(wait)));
        match result {
            Ok(outcome) => assert!(matches!(outcome, Ok(1)), "{outcome:?}"),
            Err(payload) => {
                let panic = Panic::new(payload);
                let message = panic.message().unwrap_or_default();
                let helps = message.contains("block_on") && message.contains("await");
                assert!(helps, "a nested block_on panicked with {message:?}, which does not say what to do");
            }
        }
    }

    let owner = Arc::new(make());
    owner.block_on(async {
        nested(&*owner);
        // Several at once: one that blocks must not sit on top of another.
        let rt = owner.runtime().clone();
        let tasks = [(); 3].map(|()| {
            let owner = Arc::clone(&owner);
            rt.spawn(async move { nested(&*owner) })
        });
        for task in tasks {
            match soon(&rt, "a task with a nested block_on", task).await {
                Err(JoinError::Panicked(panic)) => panic.resume(),
                outcome => assert!(outcome.is_ok(), "{outcome:?}"),
            }
        }
        let job = rt.spawn_blocking({
            let owner = Arc::clone(&owner);
            move || owner.block_on(ready(3))
        });
        let outcome = soon(&rt, "a job with a block_on", job).await;
        assert!(matches!(outcome, Ok(3)), "block_on in a blocking job: {outcome:?}");
    });
    assert_eq!(owner.block_on(ready(2)), 2);
}
