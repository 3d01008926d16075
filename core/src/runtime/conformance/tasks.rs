//! Tasks: C1 to C9.

use super::Make;
use super::kit::{Flag, MemberWaker, PanicOnDrop, SharedHandle, run, soon, until};
use crate::runtime::{BlockOn, JoinError, JoinHandle, Runtime};
use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// C1: dropping a join handle detaches; the task finishes.
pub fn c01_drop_detaches<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let finished = Flag::default();
        let task = rt.spawn({
            let (rt, finished) = (rt.clone(), finished.clone());
            async move {
                rt.sleep(Duration::from_millis(2)).await;
                finished.set();
            }
        });
        drop(task);
        until(&rt, "a detached task finishes", || finished.is_set()).await;
    });
}

/// C2: a panic gives `Panicked` with the payload; the pool survives; the message is readable.
pub fn c02_panic_is_contained<O: BlockOn>(make: Make<'_, O>) {
    async fn outcome<R: Runtime>(rt: &R, payload: Box<dyn std::any::Any + Send>) -> JoinError {
        // As `panic!` does, without the hook, which would print.
        let task = rt.spawn(async move {
            if true {
                resume_unwind(payload);
            }
        });
        soon(rt, "a task that panics", task).await.expect_err("it panicked")
    }

    run(make(), |rt| async move {
        let error = outcome(&rt, Box::new("a str")).await;
        assert!(error.is_panicked(), "{error:?}");
        assert!(error.to_string().contains("a str"), "{error}");
        let error = outcome(&rt, Box::new(String::from("a string"))).await;
        assert!(error.to_string().contains("a string"), "{error}");
        match outcome(&rt, Box::new(7_i32)).await {
            JoinError::Panicked(panic) => {
                assert_eq!(
                    panic.into_payload().downcast_ref(),
                    Some(&7_i32),
                    "the payload is the task's own"
                );
            }
            error => panic!("a panic was reported as {error:?}"),
        }
        for _ in 0..64 {
            outcome(&rt, Box::new("again")).await;
        }
        assert!(matches!(soon(&rt, "a task after the panics", rt.spawn(async { 1 })).await, Ok(1)));
    });
}

/// C3: abort of a pending task gives `Aborted`; its destructor has run before the await returns.
pub fn c03_abort_pending<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let (started, dropped) = (Flag::default(), Flag::default());
        let mut task = rt.spawn({
            let (started, guard) = (started.clone(), dropped.on_drop());
            async move {
                let _guard = guard;
                started.set();
                pending::<()>().await;
            }
        });
        until(&rt, "the task has started", || started.is_set()).await;
        assert!(!task.is_finished());
        task.abort();
        let outcome = soon(&rt, "an aborted task", &mut task).await;
        assert!(dropped.is_set(), "the await returned before the destructor had run");
        assert!(matches!(outcome, Err(JoinError::Aborted)), "{outcome:?}");

        // It is finished also while nobody awaits it.
        let task = rt.spawn(pending::<()>());
        task.abort();
        until(&rt, "an aborted task is finished", || task.is_finished()).await;
        assert!(matches!(task.await, Err(JoinError::Aborted)));
    });
}

/// C4: abort after the end keeps the value; aborting twice is harmless.
pub fn c04_abort_after_end<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let task = rt.spawn(async { 7 });
        until(&rt, "the task has ended", || task.is_finished()).await;
        task.abort();
        task.abort();
        assert!(task.is_finished());
        let outcome = soon(&rt, "a task that has ended", task).await;
        assert!(matches!(outcome, Ok(7)), "{outcome:?}");

        let task = rt.spawn(pending::<()>());
        task.abort();
        task.abort();
        let outcome = soon(&rt, "a task that is aborted twice", task).await;
        assert!(matches!(outcome, Err(JoinError::Aborted)), "{outcome:?}");
    });
}

/// C5: abort racing a completing poll: the value or `Aborted`, never a hang.
pub fn c05_abort_racing_completion<O: BlockOn>(make: Make<'_, O>) {
    fn value_or_aborted(outcome: &Result<u32, JoinError>) {
        assert!(matches!(outcome, Ok(7) | Err(JoinError::Aborted)), "{outcome:?}");
    }

    run(make(), |rt| async move {
        // Inside the poll that completes: the task aborts itself.
        for _ in 0..50 {
            let own = Arc::new(OnceLock::<SharedHandle<_>>::new());
            let task = rt.spawn({
                let (rt, own) = (rt.clone(), Arc::clone(&own));
                async move {
                    until(&rt, "the handle is there", || own.get().is_some()).await;
                    if let Some(own) = own.get() {
                        own.abort::<u32>();
                    }
                    7
                }
            });
            let task = SharedHandle::new(task);
            let _ = own.set(task.clone());
            let outcome = soon(&rt, "a task that aborts itself", poll_fn(|cx| task.poll_join(cx))).await;
            value_or_aborted(&outcome);
        }
        // From outside, at more or less the same time.
        for round in 0..200 {
            let task = rt.spawn({
                let rt = rt.clone();
                async move {
                    rt.yield_now().await;
                    7
                }
            });
            for _ in 0..round % 4 {
                rt.yield_now().await;
            }
            task.abort();
            value_or_aborted(&soon(&rt, "a task that is aborted as it ends", task).await);
        }
    });
}

/// C6: abort before the first poll: never polled.
pub fn c06_abort_before_first_poll<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        // Inside a task: with one worker there is nobody who could poll between the spawn and the abort.
        let case = rt.spawn({
            let rt = rt.clone();
            async move {
                let mut never_polled = 0;
                for _ in 0..1_000 {
                    let polled = Flag::default();
                    let task = rt.spawn({
                        let polled = polled.clone();
                        async move { polled.set() }
                    });
                    task.abort();
                    let outcome = soon(&rt, "a task that is aborted at once", task).await;
                    if !polled.is_set() {
                        assert!(matches!(outcome, Err(JoinError::Aborted)), "{outcome:?}");
                        never_polled += 1;
                    }
                }
                never_polled
            }
        });
        // Another worker may be faster than the abort, but not nearly always.
        let never_polled = case.await.expect("it ends");
        assert!(never_polled >= 100, "polled in spite of the abort, {} times in 1000", 1_000 - never_polled);
    });
}

/// C7: abort through `&self` wakes a waiter that is already registered, also inside a set of futures.
pub fn c07_abort_wakes_waiter<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let aborted = SharedHandle::new(rt.spawn(pending::<()>()));
        let other = SharedHandle::new(rt.spawn(pending::<()>()));
        let registered = Flag::default();
        let waiter = rt.spawn({
            let (members, registered) = ([aborted.clone(), other.clone()], registered.clone());
            // A set polls only the members whose own waker was woken.
            let mut wakers: Option<[Arc<MemberWaker>; 2]> = None;
            poll_fn(move |cx| {
                let wakers = wakers.get_or_insert_with(|| [(); 2].map(|()| MemberWaker::new(cx.waker())));
                for (member, waker) in members.iter().zip(wakers) {
                    if waker.take(cx.waker()) {
                        let waker = Waker::from(Arc::clone(waker));
                        if let Poll::Ready(outcome) = member.poll_join(&mut Context::from_waker(&waker)) {
                            return Poll::Ready(outcome);
                        }
                    }
                }
                registered.set();
                Poll::Pending
            })
        });
        until(&rt, "the waiter is registered", || registered.is_set()).await;
        aborted.abort::<()>();
        let outcome = soon(&rt, "the waiter of an aborted task", waiter).await;
        assert!(matches!(outcome, Ok(Err(JoinError::Aborted))), "{outcome:?}");
        other.abort::<()>();
    });
}

/// C8: a destructor that panics during abort is an error; the process lives.
pub fn c08_destructor_panics_on_abort<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        for _ in 0..8 {
            let started = Flag::default();
            let task = rt.spawn({
                let started = started.clone();
                async move {
                    let _bomb = PanicOnDrop;
                    started.set();
                    pending::<()>().await;
                }
            });
            until(&rt, "the task has started", || started.is_set()).await;
            task.abort();
            let outcome = soon(&rt, "a task whose destructor panics", task).await;
            assert!(
                matches!(outcome, Err(JoinError::Aborted | JoinError::Panicked(_))),
                "a destructor's panic gave {outcome:?}"
            );
        }
        // What nobody takes: a task's value, a job's value, what an aborted job holds.
        for _ in 0..8 {
            drop(rt.spawn(async { PanicOnDrop }));
            drop(rt.spawn_blocking(|| PanicOnDrop));
            let bomb = PanicOnDrop;
            let job = rt.spawn_blocking(move || std::mem::forget(bomb));
            job.abort();
            let _ = soon(&rt, "an aborted job that holds a panic", job).await;
        }
        assert!(matches!(soon(&rt, "a task after the panics", rt.spawn(async { 1 })).await, Ok(1)));
        assert!(matches!(soon(&rt, "a job after the panics", rt.spawn_blocking(|| 1)).await, Ok(1)));
    });
}

/// C9: abort, then drop of the handle: the destructor still runs.
pub fn c09_abort_then_drop<O: BlockOn>(make: Make<'_, O>) {
    run(make(), |rt| async move {
        let (started, dropped) = (Flag::default(), Flag::default());
        let task = rt.spawn({
            let (started, guard) = (started.clone(), dropped.on_drop());
            async move {
                let _guard = guard;
                started.set();
                pending::<()>().await;
            }
        });
        until(&rt, "the task has started", || started.is_set()).await;
        task.abort();
        drop(task);
        until(&rt, "the destructor has run", || dropped.is_set()).await;
    });
}
