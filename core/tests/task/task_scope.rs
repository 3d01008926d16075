//! Scopes of tasks: what ends with what, what is told, and what is left when something is dropped.

use crate::kit::{in_ticks, poll_once, poll_with, ticks, waker};
use backstay::testing::{
    Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep, test_on_every_runtime,
};
use backstay::{Limit, Runtime};
use backstay_core::future::{TaskError, poll_now};
use backstay_core::task::{
    CancelReason, ChildError, Failure, JoinSet, NotReady, OnError, OnPanic, Origin, Root, ScopeError,
    Shutdown, Started, TaskCounts, TaskHandle, TaskScope, scope,
};
use futures::FutureExt;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

test_on_every_runtime! {
    sim only;
    s15_no_child_outlives_its_scope
    s15_an_early_drop_is_awaited_by_the_parent
    s15_an_early_drop_under_a_shutdown_is_awaited_by_it
    s17_a_cancelled_childs_shielded_write_completes_before_the_scope_returns
    s17_exit_hooks_run_once_last_first_after_all_tasks_however_it_ends
    s17_exit_hooks_of_a_dropped_scope_are_run_by_its_parent
    s18_a_panic_goes_on_when_all_have_ended
    s18_a_panic_is_an_error_with_the_tasks_name
    s30_a_task_that_never_becomes_ready
    s30_a_start_that_is_dropped
    s30_a_task_that_is_ready_is_a_task_like_others
    the_first_error_cancels_the_siblings
    an_error_of_the_body_is_one_like_others
    collected_errors_stop_nobody
    isolated_errors_are_for_who_awaits_the_handle
    a_cancelled_scope_says_so_and_only_if_something_was_cut_off
    a_deadline_is_the_earliest_up_the_tree
    cancellation_stays_on
    a_task_spawned_into_a_cancelled_scope_never_starts_and_is_reported
    a_limit_is_kept_and_the_first_come_first
    spawn_when_free_waits_for_a_place
    a_grace_is_for_tasks_with_a_token
    an_aborted_task_is_an_error_value_and_its_siblings_go_on
    a_handle_aborts_no_other_task_that_has_its_place
    blocking_functions_are_waited_for
    tasks_start_tasks
    what_is_dropped_under_a_root_is_counted
    s15_a_panic_where_the_body_is_made_goes_on_when_all_have_ended
    s15_what_is_left_to_a_scope_that_has_ended_is_its_parents
    s18_a_panic_goes_on_though_other_failures_panic_when_they_are_dropped
    s18_what_a_dropped_scope_left_has_a_name
    s30_a_start_waits_for_a_place
    what_waits_for_a_place_never_starts_once_the_scope_is_cancelled
    a_scope_that_has_ended_is_cancelled
    an_aborted_task_is_aborted_though_all_are_cancelled_then
    s18_a_panic_stops_the_others_whatever_errors_do
    s18_a_panic_that_nobody_has_seen_goes_to_the_parent_of_a_dropped_scope
    s18_exit_hooks_that_panic_or_spawn
    what_is_spawned_too_late_takes_no_value_away
}

type Log = Arc<Mutex<Vec<&'static str>>>;

fn note(log: &Log, what: &'static str) {
    log.lock().unwrap().push(what);
}

async fn s15_no_child_outlives_its_scope<R: Runtime>(rt: R) {
    for how in 0..4 {
        let tracker = Tracker::new();
        let own = tracker.clone();
        let outcome = AssertUnwindSafe(scope(&rt, |s| async move {
            for n in 0..5 {
                let (held, nap) = (own.track(()), s.runtime().sleep(ticks(n)));
                s.spawn(async move {
                    nap.await;
                    drop(held);
                    Ok(())
                });
            }
            let held = own.track(());
            let inner = s.clone();
            s.spawn(async move {
                scope(&inner, |s| async move {
                    s.spawn(pending::<Result<(), &str>>().map(move |outcome| {
                        drop(held);
                        outcome
                    }));
                    s.runtime().sleep(ticks(20)).await;
                    Err::<(), _>("the inner one fails")
                })
                .await
                .or_else(|error| error.into_error().map_or(Ok(()), Err))
            });
            s.runtime().sleep(ticks(3)).await;
            match how {
                0 => Ok(()),
                1 => Err("the body fails"),
                2 => resume_unwind(Box::new("the body panics")),
                _ => {
                    s.cancel("enough");
                    pending().await
                }
            }
        }))
        .catch_unwind()
        .await;
        tracker.assert_none_alive();
        match (how, outcome) {
            (0, Ok(Err(error))) => assert_eq!(error.into_error(), Some("the inner one fails")),
            (1, Ok(Err(error))) => assert_eq!(error.to_string(), "the scope's body failed: the body fails"),
            (2, Err(panic)) => assert_eq!(panic.downcast_ref(), Some(&"the body panics")),
            (3, Ok(Err(error))) => assert_eq!(error.to_string(), "the scope was cancelled: enough"),
            other => panic!("{other:?}"),
        }
    }
}

/// Drops a scope under `parent` in the middle, with a task that takes until later to go.
fn drop_a_scope<P: backstay_core::task::Parent>(parent: &P, tracker: &Tracker, log: &Log) {
    let mut early = Box::pin(scope(parent, |s| {
        let (held, log) = (tracker.track(()), Arc::clone(log));
        let nap = s.runtime().sleep(ticks(30));
        s.shield(async move {
            nap.await;
            drop(held);
            note(&log, "the shielded one has ended");
            Ok::<_, ()>(())
        });
        let held = tracker.track(());
        s.spawn(pending::<Result<(), ()>>().map(move |outcome| {
            drop(held);
            outcome
        }));
        pending::<Result<(), ()>>()
    }));
    assert!(poll_once(early.as_mut()).is_pending());
    drop(early);
}

async fn s15_an_early_drop_is_awaited_by_the_parent<R: Runtime>(rt: R) {
    let (tracker, log) = (Tracker::new(), Log::default());
    let outer = scope(&rt, |s| {
        let (tracker, log) = (tracker.clone(), Arc::clone(&log));
        async move {
            drop_a_scope(&s, &tracker, &log);
            note(&log, "the body has ended");
            Ok::<_, ()>(())
        }
    });
    outer.await.expect("nothing failed");
    tracker.assert_none_alive();
    assert_eq!(*log.lock().unwrap(), ["the body has ended", "the shielded one has ended"]);
}

async fn s15_an_early_drop_under_a_shutdown_is_awaited_by_it<R: Runtime>(rt: R) {
    let (tracker, log) = (Tracker::new(), Log::default());
    let shutdown = Shutdown::new(&rt);
    drop_a_scope(&shutdown, &tracker, &log);
    shutdown.trigger("done");
    let report = shutdown.run(futures::stream::pending::<CancelReason>()).await;
    assert!(report.is_clean(), "{report}");
    tracker.assert_none_alive();
    assert!(report.finished.is_empty(), "what was left is none of its tasks");
    assert_eq!(shutdown.counts(), TaskCounts::default());
}

async fn s17_a_cancelled_childs_shielded_write_completes_before_the_scope_returns<R: Runtime>(rt: R) {
    let written = Arc::new(AtomicU32::new(0));
    let stopped = scope(&rt, |s| {
        let (inner, written) = (s.clone(), Arc::clone(&written));
        s.spawn(async move {
            let nap = inner.runtime().sleep(ticks(50));
            let write = inner.shield(async move {
                nap.await;
                written.fetch_add(1, SeqCst);
                Ok(())
            });
            write.await.map_err(|_| "it was written")
        });
        async move {
            s.runtime().sleep(ticks(5)).await;
            Err::<(), _>("stop")
        }
    })
    .await;
    assert_eq!(stopped.unwrap_err().into_error(), Some("stop"));
    assert_eq!(written.load(SeqCst), 1);
}

async fn s17_exit_hooks_run_once_last_first_after_all_tasks_however_it_ends<R: Runtime>(rt: R) {
    for how in 0..3 {
        let log = Log::default();
        let outcome = AssertUnwindSafe(scope(&rt, |s| {
            let log = Arc::clone(&log);
            async move {
                for name in ["first", "second"] {
                    let (log, nap) = (Arc::clone(&log), s.runtime().sleep(ticks(5)));
                    let hook = async move {
                        nap.await;
                        note(&log, name);
                    };
                    assert!(s.on_exit(hook).is_ok());
                }
                let (log, nap) = (Arc::clone(&log), s.runtime().sleep(ticks(20)));
                s.shield(async move {
                    nap.await;
                    note(&log, "task");
                    Ok(())
                });
                match how {
                    0 => Ok(s),
                    1 => Err("failed"),
                    _ => resume_unwind(Box::new("a bomb")),
                }
            }
        }))
        .catch_unwind()
        .await;
        assert_eq!(*log.lock().unwrap(), ["task", "second", "first"]);
        if let Ok(Ok(kept)) = outcome {
            assert!(kept.on_exit(ready(())).is_err(), "they have run");
        }
    }
}

async fn s17_exit_hooks_of_a_dropped_scope_are_run_by_its_parent<R: Runtime>(rt: R) {
    let log = Log::default();
    let outer = scope(&rt, |s| {
        let log = Arc::clone(&log);
        async move {
            let inner = scope(&s, |s| {
                let (log, nap) = (Arc::clone(&log), s.runtime().sleep(ticks(3)));
                s.on_exit(async move {
                    nap.await;
                    note(&log, "cleaned up");
                })
                .ok();
                pending::<Result<(), ()>>()
            });
            assert!(s.runtime().timeout(ticks(1), inner).await.is_err());
            Ok::<_, ()>(())
        }
    });
    outer.await.expect("nothing failed");
    assert_eq!(*log.lock().unwrap(), ["cleaned up"]);
}

async fn s18_a_panic_goes_on_when_all_have_ended<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    let outcome = AssertUnwindSafe(scope(&rt, |s| {
        for _ in 0..3 {
            let held = tracker.track(());
            s.spawn(pending::<Result<(), ()>>().map(move |outcome| {
                drop(held);
                outcome
            }));
        }
        let bomb = s.spawn(async { resume_unwind(Box::new("a bomb")) });
        async move {
            let _: Result<(), _> = bomb.await;
            pending::<Result<(), ()>>().await
        }
    }))
    .catch_unwind()
    .await;
    tracker.assert_none_alive();
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"a bomb"));
}

async fn s18_a_panic_is_an_error_with_the_tasks_name<R: Runtime>(rt: R) {
    let failed = scope(&rt, |s| async move {
        s.named("bomb").spawn::<(), _>(async { resume_unwind(Box::new("no fuse".to_owned())) });
        s.cancelled().await;
        pending::<Result<(), &str>>().await
    })
    .on_panic(OnPanic::Report)
    .await
    .unwrap_err();
    assert_eq!(failed.to_string(), "task `bomb` panicked: no fuse");

    let isolated = scope(&rt, |s| async move {
        let bomb = s.spawn(async { resume_unwind(Box::new("no fuse")) });
        let outcome: Result<(), ChildError<&str>> = bomb.await;
        assert_eq!(outcome.unwrap_err().to_string(), "the task panicked: no fuse");
        Ok(1)
    });
    assert_eq!(isolated.on_panic(OnPanic::Report).on_error(OnError::Isolate).await.unwrap(), 1);
}

/// What trio's `test_nursery_start` asks for.
async fn s30_a_task_that_never_becomes_ready<R: Runtime>(rt: R) {
    let outcome = scope(&rt, |s| async move {
        let nap = s.runtime().sleep(ticks(1));
        let never = s.spawn_ready::<u8, _, _, _>(|_started| async move {
            nap.await;
            Ok(())
        });
        assert!(matches!(never.await, Err(NotReady::Never)), "it ended without");
        let dropped = s.spawn_ready::<u8, (), _, _>(|started| {
            drop(started);
            pending()
        });
        assert!(matches!(dropped.await, Err(NotReady::Never)), "it said that it never will be");
        let failed = s.spawn_ready::<u8, (), _, _>(|started| async {
            let _started = started;
            Err("no port")
        });
        assert!(matches!(failed.await, Err(NotReady::Failed("no port"))));
        let panicked = s.spawn_ready::<u8, (), _, _>(|started| async {
            let _started = started;
            resume_unwind(Box::new("a bomb"))
        });
        let panicked = panicked.await.unwrap_err();
        assert_eq!(panicked.to_string(), "the task panicked before it was ready: a bomb");
        assert!(!s.token().is_cancelled(), "none of this is the scope's matter");
        Ok(s)
    });
    let ended = outcome.await.expect("nobody failed");
    let late = ended.spawn_ready::<u8, (), _, _>(|_started| pending()).await;
    assert_eq!(
        late.unwrap_err().to_string(),
        "the task was not ready before it was cancelled: its scope has ended"
    );
}

async fn s30_a_start_that_is_dropped<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    let outcome = scope(&rt, |s| {
        let held = tracker.track(());
        async move {
            let start = s.spawn_ready::<u8, (), _, _>(|started| async move {
                pending::<()>().await;
                drop((held, started));
                Ok(())
            });
            assert!(s.runtime().timeout(ticks(1), start).await.is_err());
            Ok::<_, &str>(s)
        }
    });
    let ended = outcome.await.expect("it is aborted, and that is no failure");
    tracker.assert_none_alive();
    assert_eq!(ended.counts().aborted, 1);

    // It fails in spite of that: nobody else is there to be told.
    let outcome = scope(&rt, |s| async move {
        let mut start = Box::pin(s.spawn_ready::<u8, (), _, _>(|started| async {
            let _started = started;
            Err("unseen")
        }));
        assert!(poll_now(start.as_mut()).await.is_none());
        s.runtime().sleep(ticks(1)).await;
        drop(start);
        Ok(())
    });
    // It had failed before the start was dropped: whoever dropped it did not want to know.
    outcome.await.expect("nobody failed");
}

async fn s30_a_task_that_is_ready_is_a_task_like_others<R: Runtime>(rt: R) {
    let failed = scope(&rt, |s| async move {
        let nap = s.runtime().sleep(ticks(1));
        let (port, server) = s
            .spawn_ready(|started| async move {
                started.ready(8080);
                nap.await;
                Err::<(), _>("the socket is gone")
            })
            .await
            .expect("it was ready");
        assert_eq!(port, 8080);
        assert!(matches!(server.await, Err(ChildError::Escalated)));
        pending::<Result<(), _>>().await
    });
    assert_eq!(failed.await.unwrap_err().into_error(), Some("the socket is gone"));
}

async fn the_first_error_cancels_the_siblings<R: Runtime>(rt: R) {
    let (start, tracker) = (rt.now(), Tracker::new());
    let error = scope(&rt, |s| {
        for n in 1..=3 {
            let (nap, held) = (s.runtime().sleep(ticks(10 * n)), tracker.track(()));
            s.named(format!("task {n}")).spawn(async move {
                nap.await;
                drop(held);
                Err::<(), _>(n)
            });
        }
        pending::<Result<(), u64>>()
    })
    .await
    .unwrap_err();
    tracker.assert_none_alive();
    assert!(rt.now() - start < ticks(20));
    let ScopeError::Failed(failures) = error else { panic!("{error:?}") };
    assert_eq!(failures.len(), 1);
    let (origin, failure) = failures.first();
    assert!(matches!(origin, Origin::Task(label) if label.name() == Some("task 1")));
    assert!(matches!(failure, Failure::Error(1)));
}

async fn an_error_of_the_body_is_one_like_others<R: Runtime>(rt: R) {
    let error = scope(&rt, |s| async move {
        s.spawn_with(|token| async move {
            token.cancelled().await;
            Err::<(), _>("on the way out")
        });
        Err::<(), _>("the body")
    });
    let ScopeError::Failed(failures) = error.await.unwrap_err() else { panic!("it failed") };
    assert_eq!(failures.to_string(), "the scope's body failed: the body (and 1 more)");
    let errors: Vec<_> = failures
        .into_iter()
        .map(|(_, failure)| match failure {
            Failure::Error(error) => error,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(errors, ["the body", "on the way out"]);
}

async fn collected_errors_stop_nobody<R: Runtime>(rt: R) {
    let done = Arc::new(AtomicU32::new(0));
    let error = scope(&rt, |s| {
        for n in 1..=5_u64 {
            let (nap, done) = (s.runtime().sleep(ticks(n)), Arc::clone(&done));
            s.spawn(async move {
                nap.await;
                done.fetch_add(1, SeqCst);
                if n % 2 == 0 { Err(n) } else { Ok(()) }
            });
        }
        ready(Ok(()))
    })
    .on_error(OnError::Collect);
    let ScopeError::Failed(failures) = error.await.unwrap_err() else { panic!("two failed") };
    assert_eq!((done.load(SeqCst), failures.iter().count()), (5, 2));
}

async fn isolated_errors_are_for_who_awaits_the_handle<R: Runtime>(rt: R) {
    let value = scope(&rt, |s| async move {
        let fails = s.spawn(async { Err::<(), _>("mine") });
        let works = s.spawn(async { Ok(7) });
        assert!(matches!(fails.await, Err(ChildError::Failed("mine"))));
        Ok(works.await.expect("it works"))
    });
    assert_eq!(value.on_error(OnError::Isolate).await.unwrap(), 7);
}

async fn a_cancelled_scope_says_so_and_only_if_something_was_cut_off<R: Runtime>(rt: R) {
    let cut = scope(&rt, |s| async move {
        s.spawn(pending::<Result<(), &str>>());
        s.cancel("enough");
        Ok(())
    });
    let cut = cut.await.unwrap_err();
    assert!(cut.is_cancelled());
    assert_eq!(cut.to_string(), "the scope was cancelled: enough");

    let whole = scope(&rt, |s| async move {
        s.spawn_with(|token| async move {
            token.cancelled().await;
            Ok::<_, ()>(())
        });
        s.cancel("enough");
        Ok(7)
    });
    assert_eq!(whole.await.unwrap(), 7);
}

async fn a_deadline_is_the_earliest_up_the_tree<R: Runtime>(rt: R) {
    let start = rt.now();
    let outer = scope(&rt, |s| async move {
        let inner = scope(&s, |s| async move {
            assert_eq!(s.token().deadline(), Some(start + ticks(10)));
            pending::<Result<(), ()>>().await
        });
        inner.deadline(start + ticks(50)).await.map_err(|_| ())
    });
    let error = outer.deadline(start + ticks(10)).await.unwrap_err();
    assert!(
        matches!(error, ScopeError::Cancelled(cancelled) if *cancelled.reason() == CancelReason::Deadline)
    );
    assert_eq!(in_ticks(rt.now() - start), 10);
}

async fn cancellation_stays_on<R: Runtime>(rt: R) {
    let seen = Arc::new(AtomicU32::new(0));
    let stopped = scope(&rt, |s| {
        let seen = Arc::clone(&seen);
        s.spawn_with(|token| async move {
            for _ in 0..3 {
                if token.run(pending::<()>()).await.is_err() {
                    seen.fetch_add(1, SeqCst);
                }
            }
            Ok::<_, ()>(())
        });
        async move {
            s.runtime().sleep(ticks(1)).await;
            s.cancel("stop");
            pending::<Result<(), ()>>().await
        }
    });
    assert!(stopped.await.unwrap_err().is_cancelled());
    assert_eq!(seen.load(SeqCst), 3);
}

async fn a_task_spawned_into_a_cancelled_scope_never_starts_and_is_reported<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    let kept = Arc::new(Mutex::new(None));
    let stopped = scope(&rt, |s: TaskScope<R, &str>| {
        let (held, blocking, kept) = (tracker.track(()), tracker.track(()), Arc::clone(&kept));
        async move {
            s.cancel("stop");
            let late = s.spawn(async move {
                drop(held);
                unreachable!("it never runs")
            });
            assert!(late.is_finished());
            let late: Result<(), _> = late.await;
            assert_eq!(late.unwrap_err().to_string(), "the task was cancelled: stop");
            let late: Result<(), _> = s
                .spawn_blocking(move || {
                    drop(blocking);
                    unreachable!("it never runs")
                })
                .await;
            assert!(matches!(late, Err(ChildError::Cancelled(_))));
            assert_eq!(s.counts().not_started, 2);
            *kept.lock().unwrap() = Some(s);
            Ok(())
        }
    });
    assert!(stopped.await.unwrap_err().is_cancelled(), "something never ran");
    tracker.assert_none_alive();
    let kept = kept.lock().unwrap().take().expect("the body has run");
    assert!(matches!(kept.shield(async { Ok(()) }).await, Err(ChildError::Cancelled(_))), "it has ended");
}

async fn a_limit_is_kept_and_the_first_come_first<R: Runtime>(rt: R) {
    let (running, most, order) =
        (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)), Arc::new(Mutex::new(vec![])));
    scope(&rt, |s| {
        for n in 0..10 {
            let (running, most, order) = (Arc::clone(&running), Arc::clone(&most), Arc::clone(&order));
            let rt = s.runtime().clone();
            s.spawn(async move {
                most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                order.lock().unwrap().push(n);
                rt.sleep(ticks(2)).await;
                running.fetch_sub(1, SeqCst);
                Ok::<_, ()>(())
            });
        }
        ready(Ok(()))
    })
    .limit(Limit::new(3).unwrap())
    .await
    .expect("nobody fails");
    assert_eq!(most.load(SeqCst), 3);
    assert_eq!(order.lock().unwrap().len(), 10);
}

async fn spawn_when_free_waits_for_a_place<R: Runtime>(rt: R) {
    let start = rt.now();
    scope(&rt, |s| async move {
        for _ in 0..2 {
            let nap = s.runtime().sleep(ticks(10));
            s.spawn_when_free(nap.map(Ok)).await;
        }
        assert!(poll_now(pin!(s.spawn_when_free(async { Ok(()) }))).await.is_none(), "there is no place");
        let late = s.spawn_when_free(async { Ok(7) }).await;
        assert!(s.runtime().now() - start >= ticks(10));
        assert_eq!(late.await.unwrap(), 7);
        Ok::<_, ()>(())
    })
    .limit(Limit::new(2).unwrap())
    .await
    .expect("nobody fails");
}

async fn a_grace_is_for_tasks_with_a_token<R: Runtime>(rt: R) {
    let (tracker, start) = (Tracker::new(), rt.now());
    let stopped = scope(&rt, |s| {
        let held = tracker.track(());
        let stuck = s.spawn_with(|_token| async move {
            pending::<()>().await;
            drop(held);
            Ok(())
        });
        async move {
            s.cancel("stop");
            let _: Result<(), ChildError<()>> = stuck.await;
            Ok(())
        }
    });
    assert!(stopped.close_grace(ticks(30)).await.unwrap_err().is_cancelled());
    tracker.assert_none_alive();
    assert_eq!(in_ticks(rt.now() - start), 30);
}

async fn an_aborted_task_is_an_error_value_and_its_siblings_go_on<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    let value = scope(&rt, |s| {
        let held = tracker.track(());
        let own = tracker.clone();
        async move {
            let stuck = s.spawn(async move {
                pending::<()>().await;
                drop(held);
                Ok(())
            });
            let other = s.spawn(s.runtime().sleep(ticks(5)).map(Ok));
            stuck.abort();
            stuck.abort();
            assert!(matches!(stuck.await, Err(ChildError::Aborted)));
            own.assert_none_alive();
            other.await.expect("it goes on");
            Ok::<_, ()>(7)
        }
    });
    assert_eq!(value.await.unwrap(), 7);
}

async fn a_handle_aborts_no_other_task_that_has_its_place<R: Runtime>(rt: R) {
    let value = scope(&rt, |s| async move {
        let mut ended = s.spawn(async { Ok(()) });
        (&mut ended).await.map_err(|_| "cut off")?;
        s.runtime().sleep(ticks(1)).await;
        let other = s.spawn(s.runtime().sleep(ticks(5)).map(Ok));
        ended.abort();
        other.await.map_err(|_| "aborted")
    });
    value.await.unwrap();
}

async fn blocking_functions_are_waited_for<R: Runtime>(rt: R) {
    let value = scope(&rt, |s| async move {
        let sum = s.spawn_blocking(|| Ok(1 + 1));
        let sum = sum.await.map_err(|_| "no sum")?;
        s.spawn_blocking(|| Err::<(), _>("the disk is full"));
        s.cancelled().await;
        Ok(sum)
    });
    assert_eq!(value.await.unwrap_err().into_error(), Some("the disk is full"));
}

async fn tasks_start_tasks<R: Runtime>(rt: R) {
    fn tree<R: Runtime>(s: &TaskScope<R, ()>, depth: u32, leaves: &Arc<AtomicU32>) {
        if depth == 0 {
            leaves.fetch_add(1, SeqCst);
            return;
        }
        for _ in 0..2 {
            let (inner, leaves) = (s.clone(), Arc::clone(leaves));
            s.spawn(async move {
                tree(&inner, depth - 1, &leaves);
                Ok(())
            });
        }
    }
    let leaves = Arc::new(AtomicU32::new(0));
    scope(&rt, |s| {
        tree(&s, 5, &leaves);
        ready(Ok(()))
    })
    .await
    .expect("nobody fails");
    assert_eq!(leaves.load(SeqCst), 32);
}

async fn what_is_dropped_under_a_root_is_counted<R: Runtime>(rt: R) {
    let root = Root::new(&rt);
    let mut set = JoinSet::new(&root);
    set.spawn(pending::<()>());
    set.spawn(pending::<()>());
    drop(set);
    assert_eq!(root.orphaned(), 2);
    let mut set = JoinSet::new(&root);
    set.spawn(ready(()));
    rt.sleep(ticks(1)).await;
    drop(set);
    assert_eq!(root.orphaned(), 2, "one that has ended is no orphan");
    let mut early = Box::pin(scope(&root, |s| {
        s.spawn(pending::<Result<(), ()>>());
        pending::<Result<(), ()>>()
    }));
    assert!(poll_once(early.as_mut()).is_pending());
    drop(early);
    assert_eq!(root.orphaned(), 3);
    rt.sleep(Duration::from_millis(1)).await;
}

/// What panics when it is dropped, unless the test is over.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        resume_unwind(Box::new("a destructor"));
    }
}

async fn s15_a_panic_where_the_body_is_made_goes_on_when_all_have_ended<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    let failing = |on_panic| {
        let tracker = tracker.clone();
        let made = scope(&rt, move |s| {
            let held = tracker.track(());
            s.spawn(pending::<Result<(), ()>>().map(|outcome| {
                drop(held);
                outcome
            }));
            if !s.token().is_cancelled() {
                resume_unwind(Box::new("no body"));
            }
            ready(Ok(()))
        });
        made.on_panic(on_panic)
    };
    let outcome = AssertUnwindSafe(failing(OnPanic::Resume)).catch_unwind().await;
    tracker.assert_none_alive();
    assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"no body"));
    let error = failing(OnPanic::Report).await.unwrap_err();
    tracker.assert_none_alive();
    assert!(matches!(error, ScopeError::Failed(failures) if failures.first().0 == Origin::Body));
}

async fn s15_what_is_left_to_a_scope_that_has_ended_is_its_parents<R: Runtime>(rt: R) {
    let root = Root::new(&rt);
    let ended = scope(&root, |s| ready(Ok::<_, ()>(s))).await.expect("nobody fails");
    let mut set = JoinSet::new(&ended);
    set.spawn(pending::<()>());
    drop(set);
    assert_eq!(root.orphaned(), 1, "it is counted there");
    rt.sleep(ticks(1)).await;
}

async fn s18_a_panic_goes_on_though_other_failures_panic_when_they_are_dropped<R: Runtime>(rt: R) {
    let outcome = AssertUnwindSafe(scope(&rt, |s| {
        s.spawn(async { Err::<(), _>(Bomb) });
        s.spawn_with::<(), _, _>(|token| async move {
            token.cancelled().await;
            resume_unwind(Box::new("a bomb"))
        });
        ready(Ok(Bomb))
    }))
    .catch_unwind()
    .await;
    let panic = outcome.map(std::mem::forget).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"a bomb"));
}

async fn s18_what_a_dropped_scope_left_has_a_name<R: Runtime>(rt: R) {
    let outer = scope(&rt, |s| async move {
        let mut early = Box::pin(scope(&s, |s| {
            s.shield::<(), _>(async { resume_unwind(Box::new("no fuse")) });
            pending::<Result<(), ()>>()
        }));
        assert!(poll_once(early.as_mut()).is_pending());
        drop(early);
        Ok::<_, &str>(())
    });
    let error = outer.on_panic(OnPanic::Report).await.unwrap_err();
    assert_eq!(error.to_string(), "task `what a dropped owner left` panicked: no fuse");
}

async fn s30_a_start_waits_for_a_place<R: Runtime>(rt: R) {
    let start = rt.now();
    scope(&rt, |s| async move {
        let nap = s.runtime().sleep(ticks(10));
        s.spawn(nap.map(Ok));
        s.runtime().sleep(ticks(1)).await;
        let begin = |started: Started<()>| async {
            started.ready(());
            pending().await
        };
        let ((), server): (_, TaskHandle<(), _>) = s.spawn_ready(begin).await.map_err(|_| "not ready")?;
        assert_eq!(in_ticks(s.runtime().now() - start), 10);
        let late = s.spawn(async { Ok(()) });
        s.runtime().sleep(ticks(1)).await;
        assert!(!late.is_finished(), "it has the place");
        server.abort();
        late.await.map_err(|_| "cut off")
    })
    .limit(Limit::ONE)
    .await
    .expect("nobody fails");
}

async fn what_waits_for_a_place_never_starts_once_the_scope_is_cancelled<R: Runtime>(rt: R) {
    let started = Arc::new(AtomicU32::new(0));
    let stopped = scope(&rt, |s| {
        let handles: Vec<_> = (0..3)
            .map(|_| {
                let (started, nap) = (Arc::clone(&started), s.runtime().sleep(ticks(2)));
                s.spawn_with(|token| async move {
                    started.fetch_add(1, SeqCst);
                    token.cancelled().await;
                    nap.await;
                    Ok::<_, ()>(())
                })
            })
            .collect();
        async move {
            s.runtime().sleep(ticks(1)).await;
            s.shield(async move {
                let mut outcomes = futures::future::join_all(handles).await;
                assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
                outcomes.retain(Result::is_err);
                assert!(outcomes.iter().all(|one| matches!(one, Err(ChildError::Cancelled(_)))));
                Ok(())
            });
            s.cancel("stop");
            Ok(())
        }
    });
    assert!(stopped.limit(Limit::ONE).await.unwrap_err().is_cancelled());
    assert_eq!(started.load(SeqCst), 1);
}

async fn a_scope_that_has_ended_is_cancelled<R: Runtime>(rt: R) {
    let (ended, token) = scope(&rt, |s| {
        let token = s.token().child();
        ready(Ok::<_, ()>((s, token)))
    })
    .await
    .expect("nobody fails");
    assert_eq!(token.reason(), Some(CancelReason::from("its scope has ended")));
    let below = scope(&ended, |s| {
        s.spawn(async { Ok(()) });
        pending::<Result<(), &str>>()
    });
    assert_eq!(below.await.unwrap_err().to_string(), "the scope was cancelled: its scope has ended");
}

async fn an_aborted_task_is_aborted_though_all_are_cancelled_then<R: Runtime>(rt: R) {
    let value = scope(&rt, |s| async move {
        let stuck = s.spawn(pending::<Result<(), &str>>());
        stuck.abort();
        s.cancel("stop");
        Ok((stuck, s))
    });
    let (stuck, s) = value.await.expect("nothing was cut off by the cancel");
    assert!(matches!(stuck.await, Err(ChildError::Aborted)));
    assert_eq!((s.counts().aborted, s.counts().cancelled), (1, 0));
}

async fn s18_a_panic_stops_the_others_whatever_errors_do<R: Runtime>(rt: R) {
    for on_error in [OnError::CancelSiblings, OnError::Collect, OnError::Isolate] {
        let tracker = Tracker::new();
        let bombs = scope(&rt, |s| {
            let held = tracker.track(());
            s.spawn(pending::<Result<(), ()>>().map(|outcome| {
                drop(held);
                outcome
            }));
            s.spawn::<(), _>(async { resume_unwind(Box::new("a bomb")) });
            pending::<Result<(), ()>>()
        });
        let panic = AssertUnwindSafe(bombs.on_error(on_error)).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a bomb"));
        tracker.assert_none_alive();
    }
}

async fn s18_a_panic_that_nobody_has_seen_goes_to_the_parent_of_a_dropped_scope<R: Runtime>(rt: R) {
    let outer = scope(&rt, |s| async move {
        let mut early = Box::pin(scope(&s, |s| {
            s.spawn::<(), _>(async { resume_unwind(Box::new("no fuse")) });
            pending::<Result<(), ()>>()
        }));
        assert!(poll_once(early.as_mut()).is_pending());
        s.runtime().sleep(ticks(1)).await;
        drop(early);
        Ok::<_, &str>(())
    });
    let error = outer.on_panic(OnPanic::Report).await.unwrap_err();
    assert_eq!(error.to_string(), "task `what a dropped owner left` panicked: no fuse");
}

async fn s18_exit_hooks_that_panic_or_spawn<R: Runtime>(rt: R) {
    for on_panic in [OnPanic::Resume, OnPanic::Report] {
        let log = Log::default();
        let hooked = scope(&rt, |s| {
            let (own, first, spawned) = (s.clone(), Arc::clone(&log), Arc::clone(&log));
            s.on_exit(async move { note(&first, "the last") }).ok();
            s.on_exit(async { resume_unwind(Box::new("a bomb")) }).ok();
            s.on_exit(async move {
                let nap = own.runtime().sleep(ticks(5));
                let late = Arc::clone(&spawned);
                own.shield(async move {
                    nap.await;
                    note(&late, "what the first has spawned");
                    Ok(())
                });
                own.on_exit(async move { note(&spawned, "what the first has left") }).ok();
            })
            .ok();
            ready(Ok::<_, &str>(()))
        });
        let outcome = AssertUnwindSafe(hooked.on_panic(on_panic)).catch_unwind().await;
        assert_eq!(
            *log.lock().unwrap(),
            ["what the first has spawned", "what the first has left", "the last"],
            "one after the other"
        );
        match outcome {
            Err(panic) => assert_eq!(panic.downcast_ref(), Some(&"a bomb")),
            Ok(reported) => {
                assert_eq!(on_panic, OnPanic::Report);
                assert_eq!(reported.unwrap_err().to_string(), "an exit hook panicked: a bomb");
            }
        }
    }
}

#[test]
fn nothing_happens_before_the_first_poll() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let made = Arc::new(AtomicU32::new(0));
            let lazy = scope(&rt, |_| {
                made.fetch_add(1, SeqCst);
                ready(Ok::<_, ()>(()))
            });
            drop(lazy);
            assert_eq!(made.load(SeqCst), 0);
        })
        .expect("nothing is violated");
}

/// A scope with all that one can have, under a parent that must have everything at its end.
async fn all_of_it(rt: Sim, subject: Subject, tracker: Tracker) -> Tracker {
    let own = tracker.clone();
    let outer = scope(&rt, |s| async move {
        let inner = scope(&s, |s| {
            let own = own.clone();
            async move {
                for n in 0..3 {
                    let (held, nap) = (own.track(()), s.runtime().sleep(ticks(n)));
                    s.spawn(async move {
                        nap.await;
                        drop(held);
                        Ok(())
                    });
                }
                let held = own.track(());
                s.spawn_with(|token| async move {
                    token.cancelled().await;
                    drop(held);
                    Ok(())
                });
                let (held, nap) = (own.track(()), s.runtime().sleep(ticks(5)));
                s.shield(async move {
                    nap.await;
                    drop(held);
                    Ok(())
                });
                let held = own.track(());
                assert!(s.on_exit(async move { drop(held) }).is_ok());
                let (nap, held) = (s.runtime().sleep(ticks(1)), own.track(()));
                let begin = s.spawn_ready(|started| async move {
                    nap.await;
                    started.ready(());
                    drop(held);
                    Ok(())
                });
                let ((), ready) = begin.await.map_err(|_| "not ready")?;
                ready.await.map_err(|_| "cut off")?;
                let nap = s.runtime().sleep(ticks(1));
                s.spawn_when_free(nap.map(Ok)).await;
                s.runtime().sleep(ticks(2)).await;
                Err::<(), _>("enough")
            }
        });
        let _ = subject.run(inner.limit(Limit::new(2).unwrap())).await;
        Ok::<_, ()>(())
    });
    outer.on_panic(OnPanic::Report).await.expect("what is left of a scope does not fail");
    tracker
}

#[test]
fn s09_a_scope_dropped_anywhere_leaves_nothing() {
    let scenario = |rt: Sim, subject: Subject| all_of_it(rt, subject, Tracker::new());
    let check = |_, tracker: Tracker| async move { tracker.assert_none_alive() };
    cancel_sweep(scenario, check).unwrap_or_else(|failure| panic!("{failure}"));
    abort_sweep(scenario, check).unwrap_or_else(|failure| panic!("{failure}"));
    panic_sweep(scenario, check).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn s09_the_parent_of_a_scope_dropped_anywhere_leaves_nothing() {
    let scenario = |rt: Sim, subject: Subject| async move {
        let tracker = Tracker::new();
        let shutdown = Shutdown::new(&rt);
        let own = tracker.clone();
        let outer = scope(&shutdown, |s| async move {
            let held = own.track(());
            let inner = s.clone();
            s.spawn(async move {
                scope(&inner, |s| {
                    let nap = s.runtime().sleep(ticks(3));
                    s.shield(async move {
                        nap.await;
                        drop(held);
                        Ok(())
                    });
                    s.spawn(pending::<Result<(), ()>>());
                    let rt = s.runtime().clone();
                    rt.sleep(ticks(2)).map(Err::<(), ()>)
                })
                .await
                .or(Ok(()))
            });
            s.runtime().sleep(ticks(4)).await;
            Ok::<_, ()>(())
        });
        let _ = subject.run(outer).await;
        shutdown.trigger("the end");
        let report = shutdown.run(futures::stream::pending::<CancelReason>()).await;
        assert!(report.aborted.is_empty() && report.still_blocking.is_empty(), "{report}");
        tracker
    };
    let check = |_, tracker: Tracker| async move { tracker.assert_none_alive() };
    cancel_sweep(scenario, check).unwrap_or_else(|failure| panic!("{failure}"));
    abort_sweep(scenario, check).unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn errors_say_what_happened() {
    let error: TaskError<&str> = TaskError::Failed("unused");
    assert_eq!(error.to_string(), "unused");
    assert_eq!(ChildError::<&str>::Aborted.to_string(), "the task was aborted");
    assert_eq!(
        NotReady::<&str>::Failed("no port").to_string(),
        "the task failed before it was ready: no port"
    );
    assert_eq!(ScopeError::<&str>::Shutdown.to_string(), "the runtime ended before the scope's tasks");
}

async fn what_is_spawned_too_late_takes_no_value_away<R: Runtime>(rt: R) {
    let mut kept = None;
    let value = scope(&rt, |s: TaskScope<R, ()>| {
        // It is woken when the scope has ended, and has not told how yet.
        let mut ended = Box::pin(s.token().clone().cancelled_owned());
        let own = s.clone();
        let spawns = waker(move || drop(own.spawn(async { Ok(()) })));
        assert!(poll_with(ended.as_mut(), &spawns).is_pending());
        kept = Some(ended);
        ready(Ok(42))
    });
    assert_eq!(value.await.unwrap(), 42);
}
