//! Owners of tasks on threads: spawns, aborts, cancels, ends and drops at once, and runtimes that have ended.

#![allow(clippy::disallowed_methods, reason = "threads of their own, and tasks that block theirs")]

use backstay::testing::Tracker;
use backstay_core::task::{
    CancelReason, CancelToken, ChildError, JoinSet, NotReady, OnError, ScopeError, Shutdown, Started,
    TaskScope, scope,
};
use backstay_core::time::Instant;
use backstay_core::{BlockOn, Config, Flavor, Limit, Runtime};
use backstay_tokio::{Tokio, TokioOwner};
use futures::{FutureExt, stream};
use std::future::pending;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

const ROUNDS: u64 = 300;

fn on_threads<F: Future>(run: impl FnOnce(Tokio) -> F) -> F::Output {
    run_on(Config::new().worker_threads(NonZero::new(4).unwrap()), run)
}

fn run_on<F: Future>(config: Config, run: impl FnOnce(Tokio) -> F) -> F::Output {
    let owner = TokioOwner::new(config).unwrap();
    let rt = owner.runtime().clone();
    let work = run(rt.clone());
    owner.block_on(rt.timeout(Duration::from_secs(60), work)).expect("nothing hangs")
}

/// Tasks of all kinds, some of which start others; half of them are aborted.
fn spawn_some(s: &TaskScope<Tokio, u64>, round: u64, tracker: &Tracker, spawned: &AtomicU64) {
    for n in 0..8 {
        let (held, rt) = (tracker.track(()), s.runtime().clone());
        spawned.fetch_add(1, SeqCst);
        let handle = match (round + n) % 5 {
            0 => s.spawn(async move {
                rt.yield_now().await;
                drop(held);
                Ok(())
            }),
            1 => s.spawn_with(|token| async move {
                token.cancelled().await;
                drop(held);
                Ok(())
            }),
            2 => s.shield(async move {
                rt.yield_now().await;
                drop(held);
                Ok(())
            }),
            3 => s.spawn_blocking(move || {
                drop(held);
                Ok(())
            }),
            _ => s.spawn(pending().map(|()| {
                drop(held);
                Ok(())
            })),
        };
        if n % 2 == 0 {
            handle.abort();
        }
    }
}

#[test]
fn s15_spawn_abort_cancel_and_end_at_once() {
    on_threads(|rt| async move {
        for round in 0..ROUNDS {
            let (tracker, spawned) = (Tracker::new(), Arc::new(AtomicU64::new(0)));
            let outer = scope(&rt, |parent| {
                let (tracker, spawned) = (tracker.clone(), Arc::clone(&spawned));
                async move {
                    let inner = scope(&parent, |s| {
                        let threads: Vec<_> = (0..2)
                            .map(|_| {
                                let (s, tracker) = (s.clone(), tracker.clone());
                                let spawned = Arc::clone(&spawned);
                                thread::spawn(move || {
                                    spawn_some(&s, round, &tracker, &spawned);
                                    if round % 3 == 0 {
                                        s.cancel("stop");
                                    }
                                })
                            })
                            .collect();
                        async move {
                            s.runtime().yield_now().await;
                            match round % 3 {
                                0 => {}
                                1 => s.cancel("stop"),
                                _ => pending().await,
                            }
                            for thread in threads {
                                thread.join().unwrap();
                            }
                            Ok(s)
                        }
                    });
                    let inner = if round % 2 == 0 { inner.limit(Limit::new(2).unwrap()) } else { inner };
                    let outcome = parent.runtime().timeout(Duration::from_micros(round * 3), inner).await;
                    if let Ok(Ok(s)) = outcome {
                        let counts = s.counts();
                        let all = counts.finished + counts.aborted + counts.cancelled + counts.not_started;
                        assert_eq!((counts.running, all), (0, spawned.load(SeqCst)), "{counts:?}");
                    }
                    Ok::<_, ()>(())
                }
            });
            outer.await.expect("nobody fails");
            // Threads that still spawn are refused: what they spawn is dropped there.
            while tracker.alive() > 0 {
                thread::yield_now();
            }
        }
    });
}

#[test]
fn s30_ready_and_end_at_once_is_one_or_the_other() {
    on_threads(|rt| async move {
        scope(&rt, |s| async move {
            for round in 0..20 * ROUNDS {
                let barrier = Arc::new(AtomicBool::new(false));
                let (send, started) = mpsc::channel::<Started<()>>();
                let (own, other) = (
                    Arc::clone(&barrier),
                    s.runtime().spawn_blocking(move || {
                        let started = started.recv().unwrap();
                        barrier.store(true, SeqCst);
                        (0..round % 300).for_each(|_| std::hint::spin_loop());
                        started.ready(());
                    }),
                );
                let start = s.spawn_ready(|started| async move {
                    send.send(started).unwrap();
                    while !own.load(SeqCst) {
                        std::hint::spin_loop();
                    }
                    Ok(())
                });
                match start.await {
                    Ok(((), handle)) => handle.await.unwrap(),
                    Err(NotReady::Never) => {}
                    Err(other) => return Err(other.to_string()),
                }
                other.await.unwrap();
            }
            Ok(())
        })
        .await
        .unwrap();
    });
}

#[test]
fn s15_a_shutdown_that_is_run_twice_while_tasks_end_and_start() {
    on_threads(|rt| async move {
        for round in 0..ROUNDS {
            let (shutdown, tracker) = (Shutdown::new(&rt), Tracker::new());
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (own, tracker) = (shutdown.clone(), tracker.clone());
                    thread::spawn(move || {
                        for n in 0..10 {
                            let (held, rt) = (tracker.track(()), own.runtime().clone());
                            let task = async move {
                                match n % 3 {
                                    0 => rt.yield_now().await,
                                    1 => {}
                                    _ => pending().await,
                                }
                                drop(held);
                            };
                            drop(if n % 2 == 0 { own.spawn(task) } else { own.spawn_part(task) });
                        }
                    })
                })
                .collect();
            let run = || {
                let own = shutdown.clone();
                rt.spawn(async move {
                    own.run(stream::pending::<&str>())
                        .drain(Duration::from_micros(round))
                        .grace(Duration::from_micros(round))
                        .await
                })
            };
            let (one, other) = (run(), run());
            shutdown.trigger("the end");
            let reports = [one.await.unwrap(), other.await.unwrap()];
            let listed: usize =
                reports.iter().map(|one| one.finished.len() + one.cancelled.len() + one.aborted.len()).sum();
            for thread in threads {
                thread.join().unwrap();
            }
            tracker.assert_none_alive();
            let counts = shutdown.counts();
            assert_eq!(counts.running, 0);
            assert!(listed as u64 <= counts.finished + counts.cancelled, "{counts:?}");
            assert!(reports.iter().all(|report| report.still_blocking.is_empty()), "{reports:?}");
        }
    });
}

#[test]
fn s14_a_drain_waits_for_what_it_aborts_though_blocking_tasks_end() {
    on_threads(|rt| async move {
        let (go, wait) = mpsc::channel::<()>();
        let (aborted, is_aborted) = mpsc::channel::<()>();
        let mut set = JoinSet::keyed(&rt);
        let (runs, is_running) = mpsc::channel::<()>();
        let (runs_too, runs_as_well) = (runs.clone(), runs.clone());
        set.spawn_keyed("busy", async move {
            // It does not hear of the abort before the blocking one has ended.
            runs_too.send(()).unwrap();
            is_aborted.recv().unwrap();
            thread::sleep(Duration::from_millis(10));
            pending().await
        })
        .unwrap();
        set.spawn_blocking_keyed("job", move || {
            runs_as_well.send(()).unwrap();
            wait.recv().unwrap();
        })
        .unwrap();
        let (never, is_never) = mpsc::channel::<()>();
        set.spawn_blocking_keyed("stuck", move || {
            runs.send(()).unwrap();
            let _ = is_never.recv();
        })
        .unwrap();
        (0..3).for_each(|_| is_running.recv().unwrap());
        let stop = CancelToken::new();
        stop.cancel();
        let after = thread::spawn(move || {
            thread::sleep(Duration::from_millis(10));
            go.send(()).unwrap();
            thread::sleep(Duration::from_millis(10));
            aborted.send(()).unwrap();
        });
        let report = set.drain(&stop, Duration::ZERO).await;
        assert_eq!((&report.aborted[..], &report.finished[..]), (&["busy"][..], &[("job", ())][..]));
        assert_eq!(report.still_blocking, ["stuck"]);
        assert_eq!(set.len(), 1);
        after.join().unwrap();
        drop(never);
        assert_eq!(set.join_all().await.len(), 1);
    });
}

#[test]
fn s27_a_blocking_function_that_runs_is_in_the_report() {
    // One thread for tasks: none ends before the shutdown waits for it.
    run_on(Config::new().flavor(Flavor::CurrentThread), |rt| async move {
        let shutdown = Shutdown::new(&rt);
        let (runs, is_running) = mpsc::channel::<()>();
        let (end, may_end) = mpsc::channel::<()>();
        let job = move || {
            runs.send(()).unwrap();
            let _ = may_end.recv();
        };
        assert!(shutdown.named("watcher").spawn_blocking(job).is_ok());
        assert!(shutdown.named("stuck").spawn(pending()).is_ok());
        is_running.recv().unwrap();
        shutdown.trigger("the end");
        let report =
            shutdown.run(stream::pending::<&str>()).drain(Duration::ZERO).grace(Duration::ZERO).await;
        assert_eq!(
            report.to_string(),
            "the end: 0 finished, 0 cancelled, 1 aborted (task `stuck`), 0 panicked, 1 still blocking (task `watcher`)"
        );
        assert!(report.elapsed < Duration::from_millis(900), "nobody waits for it: {report:?}");
        drop(end);
    });
}

#[test]
fn s18_a_panic_where_a_body_is_made_under_a_root_waits_for_its_tasks() {
    on_threads(|rt| async move {
        for _ in 0..20 {
            let tracker = Tracker::new();
            let made = scope(&rt, |s: TaskScope<_, ()>| -> futures::future::Ready<Result<(), ()>> {
                let held = tracker.track(());
                s.spawn(pending().map(|()| {
                    drop(held);
                    Ok(())
                }));
                resume_unwind(Box::new("no body"))
            });
            assert!(std::panic::AssertUnwindSafe(made).catch_unwind().await.is_err());
            tracker.assert_none_alive();
        }
    });
}

fn ended_runtime() -> Tokio {
    let owner = TokioOwner::new(Config::new()).unwrap();
    let rt = owner.runtime().clone();
    drop(owner);
    rt
}

#[test]
fn c10_owners_on_a_runtime_that_has_ended() {
    let rt = ended_runtime();
    let ended = scope(&rt, |s| async move {
        let task = s.spawn(pending::<Result<(), &str>>()).await;
        let job = s.spawn_blocking(|| Ok(())).await;
        let start = s.spawn_ready::<(), (), _, _>(|_started| pending()).await;
        assert!(
            matches!(task, Err(ChildError::Shutdown)) && matches!(job, Err(ChildError::Shutdown)),
            "{task:?} {job:?}"
        );
        assert!(matches!(start, Err(NotReady::Shutdown)));
        s.spawn_with(|_token| pending::<Result<(), _>>());
        s.shield(pending::<Result<(), _>>());
        Ok(())
    });
    let ended = futures::executor::block_on(ended.limit(Limit::ONE).close_grace(Duration::ZERO));
    assert!(matches!(ended, Err(ScopeError::Shutdown)), "{ended:?}");

    let mut set = JoinSet::new(&rt);
    set.spawn(pending::<()>());
    set.spawn_blocking(|| ());
    let outcomes = futures::executor::block_on(set.join_all());
    assert!(
        outcomes.iter().all(|one| one.as_ref().is_err_and(backstay_core::JoinError::is_shutdown)),
        "{outcomes:?}"
    );

    let shutdown = Shutdown::new(&rt);
    assert!(shutdown.spawn(pending()).is_ok());
    shutdown.trigger("the end");
    let run = shutdown.run(stream::pending::<CancelReason>());
    assert!(futures::executor::block_on(run).is_clean());
}

#[test]
fn c10_the_runtime_ends_while_a_scope_waits_elsewhere() {
    let owner = TokioOwner::new(Config::new()).unwrap();
    let tracker = Tracker::new();
    let (ready, is_ready) = mpsc::channel();
    let (rt, own) = (owner.runtime().clone(), tracker.clone());
    let waits = thread::spawn(move || {
        futures::executor::block_on(
            scope(&rt, |s| {
                for n in 0..4 {
                    let held = own.track(());
                    let task = pending().map(|()| {
                        drop(held);
                        Ok::<_, ()>(())
                    });
                    drop(if n % 2 == 0 { s.spawn(task) } else { s.shield(task) });
                }
                ready.send(()).unwrap();
                std::future::ready(Ok(()))
            })
            .on_error(OnError::Collect),
        )
    });
    is_ready.recv().unwrap();
    drop(owner);
    assert!(matches!(waits.join().unwrap(), Err(ScopeError::Shutdown)));
    tracker.assert_none_alive();
}

/// Takes its time to give a handle: what happens meanwhile happens before the handle is there.
#[derive(Clone)]
struct Slow(Tokio);

impl Runtime for Slow {
    type JoinHandle<T: Send + 'static> = <Tokio as Runtime>::JoinHandle<T>;
    type BlockingHandle<T: Send + 'static> = <Tokio as Runtime>::BlockingHandle<T>;
    type Sleep = <Tokio as Runtime>::Sleep;

    fn name(&self) -> &'static str {
        "slow"
    }

    fn spawn<F>(&self, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let handle = self.0.spawn(future);
        thread::sleep(Duration::from_millis(3));
        handle
    }

    fn spawn_blocking<F, T>(&self, f: F) -> Self::BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.0.spawn_blocking(f)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        self.0.sleep_until(at)
    }

    fn random_u64(&self) -> u64 {
        self.0.random_u64()
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        self.0.to_std(at)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        self.0.from_std(at)
    }
}

#[test]
fn s15_a_task_that_is_told_to_end_before_its_spawn_has_returned_is_aborted() {
    on_threads(|rt| async move {
        for _ in 0..5 {
            let tracker = Tracker::new();
            let stopped = scope(&Slow(rt.clone()), |s| {
                let (held, late) = (tracker.track(()), s.clone());
                let thread = thread::spawn(move || {
                    let (own, stop) = (late.clone(), held);
                    late.spawn(async move {
                        own.cancel("stop");
                        pending::<()>().await;
                        drop(stop);
                        Ok(())
                    })
                });
                async move {
                    s.cancelled().await;
                    drop(thread);
                    Ok::<_, ()>(())
                }
            });
            assert!(stopped.await.unwrap_err().is_cancelled());
            tracker.assert_none_alive();
        }
    });
}
