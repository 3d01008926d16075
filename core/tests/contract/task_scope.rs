//! Scopes of tasks.

use crate::kit::ms;
use backstay::testing::Tracker;
use backstay::{Limit, Runtime, test_on_every_runtime};
use backstay_core::task::{ChildError, OnPanic, scope};
use futures::FutureExt;
use std::future::pending;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

test_on_every_runtime! {
    s15_nothing_outlives_a_scope_however_it_ends
    s18_a_panic_is_the_scopes_on_every_runtime
    s30_a_task_says_that_it_is_ready
    tasks_run_on_their_own_and_start_others
}

async fn s15_nothing_outlives_a_scope_however_it_ends<R: Runtime>(rt: R) {
    for how in 0..4 {
        let tracker = Tracker::new();
        let outer = scope(&rt, |s| {
            let tracker = tracker.clone();
            async move {
                let inner = scope(&s, |s| {
                    for n in 0..20 {
                        let (held, rt) = (tracker.track(()), s.runtime().clone());
                        s.spawn(async move {
                            match n % 3 {
                                0 => rt.yield_now().await,
                                1 => rt.sleep(ms(1)).await,
                                _ if how == 0 => {}
                                _ => pending().await,
                            }
                            drop(held);
                            Ok(())
                        });
                    }
                    let held = tracker.track(());
                    s.spawn_blocking(move || {
                        drop(held);
                        Ok(())
                    });
                    let rt = s.runtime().clone();
                    async move {
                        match how {
                            0 => Ok(()),
                            1 => Err("failed"),
                            2 => {
                                s.cancel("enough");
                                pending().await
                            }
                            _ => rt.sleep(ms(100_000)).map(Ok).await,
                        }
                    }
                });
                // The last one is dropped.
                let outcome = s.runtime().timeout(ms(2), inner).await;
                assert!(how < 3 || outcome.is_err());
                Ok::<_, ()>(())
            }
        });
        outer.await.expect("nothing fails out here");
        tracker.assert_none_alive();
    }
}

async fn s18_a_panic_is_the_scopes_on_every_runtime<R: Runtime>(rt: R) {
    for blocking in [false, true] {
        let tracker = Tracker::new();
        let failing = |report| {
            let bombs = scope(&rt, |s| {
                let held = tracker.track(());
                async move {
                    s.spawn(async move {
                        pending::<()>().await;
                        drop(held);
                        Ok(())
                    });
                    let named = s.named("bomb");
                    let bomb = if blocking {
                        named.spawn_blocking(|| resume_unwind(Box::new("a bomb")))
                    } else {
                        named.spawn(async { resume_unwind(Box::new("a bomb")) })
                    };
                    let _: Result<(), ChildError<&str>> = bomb.await;
                    pending::<Result<(), _>>().await
                }
            });
            bombs.on_panic(report)
        };
        let panic = AssertUnwindSafe(failing(OnPanic::Resume)).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a bomb"));
        tracker.assert_none_alive();
        let error = failing(OnPanic::Report).await.unwrap_err();
        assert_eq!(error.to_string(), "task `bomb` panicked: a bomb");
        tracker.assert_none_alive();
    }
}

async fn s30_a_task_says_that_it_is_ready<R: Runtime>(rt: R) {
    let sum = scope(&rt, |s| async move {
        let nap = s.runtime().sleep(ms(1));
        let start = s.spawn_ready(|started| async move {
            nap.await;
            started.ready(3);
            Ok::<_, &str>(4)
        });
        let (port, server) = start.await.map_err(|_| "it is ready")?;
        Ok(port + server.await.map_err(|_| "it has ended well")?)
    });
    assert_eq!(sum.await.unwrap(), 7);
}

async fn tasks_run_on_their_own_and_start_others<R: Runtime>(rt: R) {
    let ran = Arc::new(AtomicU32::new(0));
    scope(&rt, |s| {
        let ran = Arc::clone(&ran);
        async move {
            for _ in 0..10 {
                let (inner, ran) = (s.clone(), Arc::clone(&ran));
                s.spawn_when_free(async move {
                    for _ in 0..10 {
                        let ran = Arc::clone(&ran);
                        inner.spawn(async move {
                            ran.fetch_add(1, SeqCst);
                            Ok(())
                        });
                    }
                    Ok(())
                })
                .await;
            }
            Ok::<_, ()>(())
        }
    })
    .limit(Limit::new(4).unwrap())
    .await
    .expect("nobody fails");
    assert_eq!(ran.load(SeqCst), 100);
}
