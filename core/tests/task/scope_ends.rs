//! What meets the end of a task, or of a scope, in the same moment: wakers that panic, starts that are dropped, hooks.

use crate::kit::{poll_once, poll_with, ticks, waker};
use crate::lock_probe::probing_waker;
use backstay::Runtime;
use backstay::testing::{Sim, test_on_every_runtime};
use backstay_core::task::{
    ChildError, NotReady, OnError, OnPanic, Root, ScopeError, TaskScope, borrow_scope, scope,
};
use futures::FutureExt;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

test_on_every_runtime! {
    sim only;
    a_waker_that_panics_at_a_cancel_keeps_no_outcome_back
    a_waker_that_panics_at_an_outcome_is_the_scopes_panic
    a_waker_that_panics_at_a_start_is_the_scopes_panic
    s18_a_panic_that_its_dropped_start_has_not_heard_is_the_scopes
    s18_what_a_start_dropped_behind_the_end_has_not_heard_is_the_parents
    a_hook_behind_the_end_of_a_dropped_scope_is_refused
}

fn panics() -> Waker {
    waker(|| resume_unwind(Box::new("a waker")))
}

/// What has failed, in words.
fn told<T, E: std::fmt::Display>(outcome: Result<T, ScopeError<E>>) -> Vec<String> {
    match outcome {
        Err(ScopeError::Failed(failures)) => {
            failures.iter().map(|(origin, failure)| format!("{origin} {failure}")).collect()
        }
        Err(error) => vec![error.to_string()],
        Ok(_) => Vec::new(),
    }
}

async fn a_waker_that_panics_at_a_cancel_keeps_no_outcome_back<R: Runtime>(rt: R) {
    for panics_too in [false, true] {
        let root = rt.clone();
        let failed = scope(&rt, move |s| async move {
            let nap = s.runtime().sleep(ticks(1));
            let failing = s.named("failing").spawn(async move {
                nap.await;
                if panics_too {
                    resume_unwind(Box::new("a bomb"));
                }
                Err::<(), _>("failed")
            });
            let heard = root.spawn(failing);
            let (first, second) = (s.token().clone(), s.token().clone());
            root.spawn(async move {
                let (mut bad, good) = (Box::pin(first.cancelled()), second.cancelled());
                assert!(poll_with(bad.as_mut(), &panics()).is_pending());
                good.await;
            })
            .await
            .expect("who waits behind it is woken");
            assert!(matches!(heard.await.unwrap(), Err(ChildError::Escalated)));
            Ok(())
        });
        let told = told(failed.on_panic(OnPanic::Report).await);
        let first =
            if panics_too { "task `failing` panicked: a bomb" } else { "task `failing` failed: failed" };
        assert_eq!(told, [first, "a waker panicked: a waker"]);
    }
}

async fn a_waker_that_panics_at_an_outcome_is_the_scopes_panic<R: Runtime>(rt: R) {
    let body = |s: TaskScope<R, &'static str>| async move {
        let nap = s.runtime().sleep(ticks(1));
        let mut task = s.spawn(async move {
            nap.await;
            Ok(7)
        });
        assert!(poll_with(std::pin::pin!(&mut task), &panics()).is_pending());
        let own = s.clone();
        s.shield(async move {
            own.cancelled().await;
            assert_eq!(task.await.unwrap(), 7, "it is there all the same");
            let counts = own.counts();
            assert_eq!((counts.finished, counts.panicked), (1, 0), "the task is not to blame");
            Ok(())
        });
        pending::<Result<(), _>>().await
    };
    let reported = scope(&rt, body).on_panic(OnPanic::Report).on_error(OnError::CancelSiblings).await;
    assert_eq!(told(reported), ["a waker panicked: a waker"]);
    let resumed = AssertUnwindSafe(scope(&rt, body)).catch_unwind().await;
    assert_eq!(resumed.unwrap_err().downcast_ref(), Some(&"a waker"));
}

async fn a_waker_that_panics_at_a_start_is_the_scopes_panic<R: Runtime>(rt: R) {
    for how in 0..4 {
        let outcome = scope(&rt, |s| async move {
            let nap = s.runtime().sleep(ticks(1));
            let mut start = Box::pin(s.spawn_ready::<(), (), _, _>(|started| async move {
                nap.await;
                match how {
                    0 => std::mem::forget(started),
                    1 => resume_unwind(Box::new("a bomb")),
                    2 => {}
                    _ => {
                        drop(started);
                        pending().await
                    }
                }
                Err("failed")
            }));
            assert!(poll_with(start.as_mut(), &panics()).is_pending());
            s.runtime().sleep(ticks(2)).await;
            match start.await {
                Err(NotReady::Failed("failed")) if how == 0 || how == 2 => {}
                Err(NotReady::Panicked(_)) if how == 1 => {}
                Err(NotReady::Never) if how == 3 => {}
                other => panic!("{how}: {:?}", other.map(|_| ())),
            }
            Ok(())
        });
        let told = told(outcome.on_error(OnError::Collect).on_panic(OnPanic::Report).await);
        assert_eq!(told, ["a waker panicked: a waker"], "{how}");
    }
}

async fn s18_a_panic_that_its_dropped_start_has_not_heard_is_the_scopes<R: Runtime>(rt: R) {
    let body = |s: TaskScope<R, &'static str>| async move {
        let s = s.named("starting");
        let mut start = Box::pin(s.spawn_ready::<(), (), _, _>(move |started| async move {
            let _started = started;
            resume_unwind(Box::new("a bomb"))
        }));
        assert!(poll_once(start.as_mut()).is_pending());
        s.runtime().sleep(ticks(1)).await;
        assert_eq!(s.counts().running, 0, "it has ended");
        drop(start);
        Ok(())
    };
    let told = told(scope(&rt, body).on_panic(OnPanic::Report).await);
    assert_eq!(told, ["task `starting` panicked: a bomb"]);
    let resumed = AssertUnwindSafe(scope(&rt, body)).catch_unwind().await;
    assert_eq!(resumed.unwrap_err().downcast_ref(), Some(&"a bomb"));
}

async fn s18_what_a_start_dropped_behind_the_end_has_not_heard_is_the_parents<R: Runtime>(rt: R) {
    let outer = scope(&rt, |parent| async move {
        let kept = Mutex::new(None);
        let inner = scope(&parent, |s: TaskScope<R, &'static str>| {
            *kept.lock().unwrap() = Some(s);
            pending::<Result<(), _>>()
        });
        let mut inner = Box::pin(inner);
        assert!(poll_once(inner.as_mut()).is_pending());
        let s = kept.lock().unwrap().take().unwrap();
        let mut start = Box::pin(s.spawn_ready::<(), (), _, _>(|started| async move {
            let _started = started;
            resume_unwind(Box::new("a bomb"))
        }));
        assert!(poll_once(start.as_mut()).is_pending());
        parent.runtime().sleep(ticks(1)).await;
        s.cancel("the end");
        assert!(inner.await.unwrap_err().is_cancelled());
        drop(start);
        parent.runtime().sleep(ticks(1)).await;
        Ok::<_, &str>(())
    });
    let told = told(outer.on_panic(OnPanic::Report).await);
    assert_eq!(told.len(), 1);
    assert!(told[0].ends_with("panicked: a bomb"), "{told:?}");
}

async fn a_hook_behind_the_end_of_a_dropped_scope_is_refused<R: Runtime>(rt: R) {
    let root = Root::new(&rt);
    let kept = Mutex::new(None);
    let mut ended = Box::pin(scope(&root, |s: TaskScope<R, ()>| {
        *kept.lock().unwrap() = Some(s);
        pending::<Result<(), ()>>()
    }));
    assert!(poll_once(ended.as_mut()).is_pending());
    drop(ended);
    let s = kept.lock().unwrap().take().unwrap();
    let refused = s.on_exit(ready(())).expect_err("it would never run");
    assert_eq!(refused.into_inner().now_or_never(), Some(()));
}

/// Whatever is done with the scope's waker, a hook is left just then.
#[test]
fn a_hook_in_the_closing_instant_is_refused_or_may_do_what_others_may() {
    let (mut accepted, mut refused) = (0, 0);
    for left_at in 0..12 {
        let outcome = Sim::builder().run(|rt| async move {
            let kept = Arc::new(Mutex::new(None::<TaskScope<Sim, ()>>));
            let (own, touched) = (Arc::clone(&kept), Arc::new(AtomicUsize::new(0)));
            let added = Arc::new(Mutex::new(None));
            let (tells, shielded) = (Arc::clone(&added), Arc::new(AtomicUsize::new(0)));
            let done = Arc::clone(&shielded);
            let waker = probing_waker(move || {
                if touched.fetch_add(1, SeqCst) != left_at {
                    return;
                }
                let Some(s) = own.lock().unwrap().take() else { return };
                let (parent, done) = (s.clone(), Arc::clone(&done));
                let hook = async move {
                    let shield = parent.shield(async move {
                        done.fetch_add(1, SeqCst);
                        Ok(())
                    });
                    drop(shield);
                };
                *tells.lock().unwrap() = Some(s.on_exit(hook).is_ok());
            });
            let mut ends = Box::pin(scope(&rt, |s| {
                *kept.lock().unwrap() = Some(s);
                ready(Ok::<_, ()>(()))
            }));
            match poll_with(ends.as_mut(), &waker) {
                Poll::Ready(outcome) => outcome.unwrap(),
                Poll::Pending => ends.await.unwrap(),
            }
            // A waker that is not touched so often leaves none.
            let added = added.lock().unwrap().take();
            assert_eq!(
                shielded.load(SeqCst),
                usize::from(added == Some(true)),
                "at touch {left_at}: {added:?}"
            );
            kept.lock().unwrap().take();
            added
        });
        match outcome.unwrap_or_else(|failure| panic!("{failure}")).value {
            Some(true) => accepted += 1,
            Some(false) => refused += 1,
            None => {}
        }
    }
    assert!(accepted > 0, "{accepted} {refused}");
}

#[test]
fn a_waker_that_panics_at_the_outcome_of_a_borrowing_child_goes_on_in_its_scope() {
    let outcome = Sim::builder().run(|rt| async move {
        let (nap, longer) = (rt.sleep(ticks(1)), rt.sleep(ticks(2)));
        let scope = borrow_scope(|s| async move {
            let mut child = s.spawn(nap);
            assert!(poll_with(std::pin::pin!(&mut child), &panics()).is_pending());
            longer.await;
        });
        let resumed = AssertUnwindSafe(scope).catch_unwind().await;
        assert_eq!(resumed.unwrap_err().downcast_ref(), Some(&"a waker"));
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
