//! Scopes in one task: who is polled when, what ends with what, and what is left when something is dropped.

use crate::kit::{Wakes, poll_once, poll_with};
use backstay::testing::{Sim, Subject, Tracker, abort_sweep, cancel_sweep, checked, panic_sweep};
use backstay::{JoinError, Runtime};
use backstay_core::task::{Scope, ScopedHandle, borrow_scope, local_scope};
use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_scope_without_children_is_its_body() {
    let mut scope = pin!(borrow_scope(|_| ready(7)));
    assert_eq!(poll_once(scope.as_mut()), Poll::Ready(7));
    let again = catch_unwind(AssertUnwindSafe(|| poll_once(scope)));
    assert_eq!(again.unwrap_err().downcast_ref(), Some(&"a scope was polled after it gave its output"));
}

#[test]
fn nothing_happens_before_the_first_poll() {
    let made = Cell::new(false);
    let scope = borrow_scope(|_| {
        made.set(true);
        ready(())
    });
    drop(scope);
    assert!(!made.get());
}

#[test]
fn children_run_while_the_body_waits() {
    let run = Sim::builder().run(|rt: Sim| async move {
        borrow_scope(|scope| {
            let rt = &rt;
            async move {
                let child = scope.spawn(async move {
                    rt.sleep(MS).await;
                    rt.now()
                });
                rt.sleep(200 * MS).await;
                child.await.expect("the scope is there").since_origin()
            }
        })
        .await
    });
    let run = run.expect("nothing is violated");
    assert_eq!((run.value, run.elapsed), (MS, 200 * MS));
}

#[test]
fn scopes_nest_and_children_spawn_children() {
    fn tree<'env>(scope: Scope<'env>, depth: u32, leaves: &'env AtomicU32) {
        if depth == 0 {
            leaves.fetch_add(1, SeqCst);
            return;
        }
        for _ in 0..2 {
            let inner = scope.clone();
            scope.spawn(async move { tree(inner, depth - 1, leaves) }).detach();
        }
    }

    let leaves = AtomicU32::new(0);
    futures::executor::block_on(borrow_scope(|scope| {
        let leaves = &leaves;
        async move {
            tree(scope.clone(), 6, leaves);
            let nested = borrow_scope(move |inner| async move { tree(inner, 3, leaves) });
            scope.spawn(nested).await.expect("the scope is there");
        }
    }));
    assert_eq!(leaves.load(SeqCst), 64 + 8);
}

#[test]
fn s16_forgetting_a_scope_halfway_is_harmless() {
    let text = String::from("borrowed");
    let (seen, handle) = (Cell::new(0), RefCell::new(None));
    {
        let mut scope = Box::pin(borrow_scope(|scope| {
            let text = &text;
            *handle.borrow_mut() = Some(scope.spawn(async move {
                YieldOnce(false).await;
                text.len()
            }));
            pending::<()>()
        }));
        assert!(poll_once(scope.as_mut()).is_pending());
        std::mem::forget(scope);
        seen.set(text.len());
    }
    // Nothing that was forgotten runs, or tells that it won't.
    let handle: ScopedHandle<usize> = handle.take().expect("the body has run");
    assert!(!handle.is_finished());
    assert_eq!(seen.get(), 8);
}

struct YieldOnce(bool);

impl Future for YieldOnce {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn no_poll_of_a_scope_polls_a_child_twice() {
    let polls = Cell::new(0_u32);
    let mut scope = pin!(local_scope(|scope| {
        let polls = &polls;
        async move {
            for _ in 0..100 {
                scope
                    .spawn(poll_fn(move |cx| {
                        polls.set(polls.get() + 1);
                        cx.waker().wake_by_ref();
                        Poll::<()>::Pending
                    }))
                    .detach();
            }
            pending::<()>().await;
        }
    }));
    for turn in 1..=5 {
        assert!(poll_once(scope.as_mut()).is_pending());
        assert_eq!(polls.get(), turn * 100);
    }
}

#[test]
fn a_child_that_spawns_for_ever_starves_nobody() {
    fn endless(scope: &Scope<'static>) {
        let inner = scope.clone();
        scope.spawn(async move { endless(&inner) }).detach();
    }

    let (wakes, waker) = Wakes::new();
    let mut scope = pin!(borrow_scope(|scope| async move {
        endless(&scope);
        pending::<()>().await;
    }));
    for turn in 1..=5 {
        assert!(poll_with(scope.as_mut(), &waker).is_pending());
        assert_eq!(wakes.count(), turn, "it asks for its next turn");
    }
}

#[test]
fn a_child_spawned_from_another_task_wakes_the_scope() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let (give, take) = futures::channel::oneshot::channel::<Scope<'static>>();
        let spawner = rt.spawn({
            let rt = rt.clone();
            async move {
                let scope = take.await.expect("the body sends it");
                rt.sleep(5 * MS).await;
                scope.spawn(ready(7)).await
            }
        });
        borrow_scope(|scope| async move {
            give.send(scope).expect("the other task waits for it");
            spawner.await
        })
        .await
    });
    assert!(matches!(run.expect("nothing is violated").value, Ok(Ok(7))));
}

#[test]
fn a_child_spawned_after_the_end_never_runs_and_its_handle_says_so() {
    let kept = RefCell::new(None);
    let tracker = Tracker::new();
    futures::executor::block_on(borrow_scope(|scope| {
        *kept.borrow_mut() = Some(scope);
        ready(())
    }));
    let scope = kept.take().expect("the body has run");
    let held = tracker.track(());
    let late = scope.spawn(async move {
        drop(held);
        unreachable!("it never runs");
    });
    assert!(late.is_finished());
    tracker.assert_none_alive();
    let outcome: Result<(), JoinError> = futures::executor::block_on(late);
    assert!(matches!(outcome, Err(JoinError::Aborted)));
}

#[test]
fn dropping_a_scope_drops_its_children_and_tells_who_awaits_them() {
    let tracker = Tracker::new();
    let handles = RefCell::new(Vec::new());
    let mut scope = Box::pin(borrow_scope(|scope| {
        for _ in 0..3 {
            let held = tracker.track(());
            handles.borrow_mut().push(scope.spawn(async move {
                pending::<()>().await;
                drop(held);
            }));
        }
        pending::<()>()
    }));
    assert!(poll_once(scope.as_mut()).is_pending());
    assert_eq!(tracker.alive(), 3);
    drop(scope);
    tracker.assert_none_alive();
    for handle in handles.take() {
        assert!(matches!(futures::executor::block_on(handle), Err(JoinError::Aborted)));
    }
}

#[test]
fn a_panic_of_a_child_or_of_the_body_goes_on_and_drops_the_others() {
    for child_panics in [true, false] {
        let tracker = Tracker::new();
        let mut scope = Box::pin(borrow_scope(|scope| {
            let held = tracker.track(());
            scope
                .spawn(async move {
                    pending::<()>().await;
                    drop(held);
                })
                .detach();
            let bomb = async move { resume_unwind(Box::new("a bomb")) };
            async move {
                if child_panics {
                    scope.spawn(bomb).detach();
                    pending::<()>().await;
                } else {
                    bomb.await
                }
            }
        }));
        let panic = catch_unwind(AssertUnwindSafe(|| poll_once(scope.as_mut()))).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a bomb"));
        drop(scope);
        tracker.assert_none_alive();
    }
}

#[test]
fn a_scope_whose_body_has_ended_waits_for_its_children() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let ran = AtomicU32::new(0);
        borrow_scope(|scope| {
            for n in 1..=3 {
                let (rt, ran) = (&rt, &ran);
                let child = async move {
                    rt.sleep(n * MS).await;
                    ran.fetch_add(1, SeqCst);
                };
                scope.spawn(child).detach();
            }
            ready(())
        })
        .await;
        ran.into_inner()
    });
    let run = run.expect("nothing is violated");
    assert_eq!((run.value, run.elapsed), (3, 3 * MS));
}

#[test]
fn what_the_body_holds_is_gone_when_it_ends_so_that_children_that_wait_for_it_end() {
    let run = Sim::builder().run(|rt: Sim| async move {
        borrow_scope(|scope| {
            let rt = &rt;
            async move {
                let (_keep, closed) = futures::channel::oneshot::channel::<()>();
                scope
                    .spawn(async move {
                        assert!(closed.await.is_err());
                    })
                    .detach();
                rt.sleep(MS).await;
            }
        })
        .await;
    });
    assert_eq!(run.expect("it ends").elapsed, MS);
}

#[test]
fn s09_a_scope_can_be_cut_at_every_poll() {
    async fn scenario(rt: Sim, subject: Subject) -> Tracker {
        let tracker = Tracker::new();
        let words = ["a", "b", "c"].map(|word| tracker.track(word));
        let work = checked(borrow_scope(|scope| {
            let (rt, words, tracker) = (&rt, &words, &tracker);
            async move {
                let handles: Vec<_> = (1..=3)
                    .map(|n| {
                        let held = tracker.track(());
                        scope.spawn(async move {
                            rt.sleep(n * MS).await;
                            rt.yield_now().await;
                            drop(held);
                            words.len()
                        })
                    })
                    .collect();
                rt.sleep(2 * MS).await;
                for handle in handles {
                    assert!(matches!(handle.await, Ok(3)));
                }
            }
        }));
        subject.run(work).await;
        assert_eq!(tracker.alive(), 3, "children have gone with the scope, what they borrow has not");
        drop(words);
        tracker
    }

    type Sweep = fn(
        fn(Sim, Subject) -> Pin<Box<dyn Future<Output = Tracker>>>,
        fn(Sim, Tracker) -> std::future::Ready<()>,
    ) -> u64;
    let sweeps: [Sweep; 3] = [
        |scenario, check| cancel_sweep(scenario, check).expect("nothing is violated").polls,
        |scenario, check| abort_sweep(scenario, check).expect("nothing is violated").polls,
        |scenario, check| panic_sweep(scenario, check).expect("nothing is violated").polls,
    ];
    for sweep in sweeps {
        let polls = sweep(
            |rt, subject| Box::pin(scenario(rt, subject)),
            |_, tracker| {
                tracker.assert_none_alive();
                ready(())
            },
        );
        assert!(polls > 4, "{polls}");
    }
}

#[test]
fn a_local_scope_keeps_what_is_not_send() {
    let shared = Rc::new(Cell::new(1));
    let product = futures::executor::block_on(local_scope(|scope| {
        let shared = Rc::clone(&shared);
        async move {
            for n in 1..=5 {
                let shared = Rc::clone(&shared);
                scope
                    .spawn(async move {
                        YieldOnce(false).await;
                        shared.set(shared.get() * n);
                    })
                    .detach();
            }
            let inner = scope.clone();
            scope.spawn(async move { inner.spawn(ready(Rc::new(2))).await }).await.expect("it is there")
        }
    }));
    assert_eq!((shared.get(), *product.expect("it is there")), (120, 2));
}

/// Looks at the handle of the child that holds it, as it is dropped.
struct Looks<'a>(&'a RefCell<Option<ScopedHandle<()>>>, &'a Cell<Option<bool>>);

impl Drop for Looks<'_> {
    fn drop(&mut self) {
        self.1.set(self.0.borrow().as_ref().map(ScopedHandle::is_finished));
    }
}

#[test]
fn s15_an_outcome_is_told_when_the_childs_destructor_has_run() {
    for ends in [true, false] {
        let (handle, seen) = (RefCell::new(None), Cell::new(None));
        let mut scope = Box::pin(local_scope(|scope| {
            let looks = Looks(&handle, &seen);
            let child = poll_fn(move |_| {
                let _held = &looks;
                if ends { Poll::Ready(()) } else { Poll::Pending }
            });
            *handle.borrow_mut() = Some(scope.spawn(child));
            pending::<()>()
        }));
        assert!(poll_once(scope.as_mut()).is_pending());
        drop(scope);
        assert_eq!(seen.get(), Some(false), "ends: {ends}");
        assert!(handle.borrow().as_ref().is_some_and(ScopedHandle::is_finished));
    }
}

#[test]
fn a_scope_whose_body_could_not_be_made_never_waits() {
    fn no_body(_: Scope<'_>) -> std::future::Ready<()> {
        resume_unwind(Box::new("a bomb"))
    }

    let mut scope = pin!(borrow_scope(no_body));
    let panic = catch_unwind(AssertUnwindSafe(|| poll_once(scope.as_mut()))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"a bomb"));
    let again = catch_unwind(AssertUnwindSafe(|| poll_once(scope)));
    assert_eq!(again.unwrap_err().downcast_ref(), Some(&"a scope was polled after it gave its output"));
}

#[test]
fn a_childs_destructor_that_panics_goes_on_and_the_handle_is_told() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("a bomb"));
        }
    }

    // As the child ends, with its output that nobody wants, and with the scope.
    for case in 0..3 {
        let (tracker, handle) = (Tracker::new(), RefCell::new(None));
        let mut scope = Box::pin(local_scope(|scope| {
            let held = tracker.track(());
            scope
                .spawn(async move {
                    pending::<()>().await;
                    drop(held);
                })
                .detach();
            let mut bomb = Some(Bomb);
            match case {
                0 => {
                    let child = poll_fn(move |_| {
                        let _held = &bomb;
                        Poll::Ready(())
                    });
                    *handle.borrow_mut() = Some(scope.spawn(child));
                }
                1 => scope.spawn(poll_fn(move |_| Poll::Ready(bomb.take()))).detach(),
                _ => {
                    let child = poll_fn(move |_| {
                        let _held = &bomb;
                        Poll::Pending
                    });
                    *handle.borrow_mut() = Some(scope.spawn(child));
                }
            }
            pending::<()>()
        }));
        let poll = catch_unwind(AssertUnwindSafe(|| poll_once(scope.as_mut())));
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(scope)));
        assert_eq!((poll.is_err(), dropped.is_err()), (case < 2, case == 2));
        let panic = poll.err().or(dropped.err()).expect("one of them");
        assert_eq!(panic.downcast_ref(), Some(&"a bomb"));
        tracker.assert_none_alive();
        assert!(handle.take().is_none_or(|handle| handle.is_finished()));
    }
}

/// Spawns as it is dropped.
struct SpawnsLate<'env>(Scope<'env>, &'env AtomicU32);

impl Drop for SpawnsLate<'_> {
    fn drop(&mut self) {
        let ran = self.1;
        self.0
            .spawn(async move {
                ran.fetch_add(1, SeqCst);
            })
            .detach();
    }
}

#[test]
fn what_destructors_spawn_runs_unless_the_scope_is_being_dropped() {
    let ran = AtomicU32::new(0);
    futures::executor::block_on(borrow_scope(|scope| {
        let (late, child) = (SpawnsLate(scope.clone(), &ran), SpawnsLate(scope.clone(), &ran));
        let child = poll_fn(move |_| {
            let _held = &child;
            Poll::Ready(())
        });
        scope.spawn(child).detach();
        poll_fn(move |_| {
            let _held = &late;
            Poll::Ready(())
        })
    }));
    assert_eq!(ran.load(SeqCst), 2, "the body's and the child's");
}

#[test]
fn nothing_is_left_of_a_scope_whose_children_hold_it() {
    // Adopted and pending, and never adopted.
    for adopted in [true, false] {
        let (tracker, ran, kept) = (Tracker::new(), AtomicU32::new(0), RefCell::new(None));
        let mut scope = Box::pin(borrow_scope(|scope: Scope<'_>| {
            *kept.borrow_mut() = Some(scope.clone());
            let spawn = |held| {
                let (inner, late) = (scope.clone(), SpawnsLate(scope.clone(), &ran));
                scope
                    .spawn(async move {
                        pending::<()>().await;
                        drop((inner, late, held));
                    })
                    .detach();
            };
            spawn(tracker.track(()));
            if !adopted {
                resume_unwind(Box::new("a bomb"));
            }
            pending::<()>()
        }));
        let poll = catch_unwind(AssertUnwindSafe(|| poll_once(scope.as_mut())));
        assert_eq!((poll.is_ok(), tracker.alive()), (adopted, 1));
        drop(scope);
        tracker.assert_none_alive();
        assert!(kept.take().expect("kept").spawn(ready(())).is_finished(), "the scope is closed");
        assert_eq!(ran.load(SeqCst), 0);
    }
}

#[test]
fn a_spawn_wakes_a_scope_that_rests_once_and_one_that_is_polled_when_it_rests() {
    let (wakes, waker) = Wakes::new();
    let kept: RefCell<Option<Scope<'static>>> = RefCell::new(None);
    let mut polls = 0;
    let mut scope = pin!(borrow_scope(|scope| {
        *kept.borrow_mut() = Some(scope);
        poll_fn(|_| {
            polls += 1;
            if polls == 3 {
                kept.borrow().as_ref().expect("kept").spawn(std::future::pending::<()>()).detach();
            }
            Poll::<()>::Pending
        })
    }));
    assert!(poll_with(scope.as_mut(), &waker).is_pending());
    let spawn = || kept.borrow().as_ref().expect("kept").spawn(ready(7));
    let handles = [spawn(), spawn()];
    assert_eq!(wakes.count(), 1);
    let (others, other) = Wakes::new();
    assert!(poll_with(scope.as_mut(), &other).is_pending());
    assert!(handles.iter().all(ScopedHandle::is_finished));
    assert_eq!((wakes.count(), Arc::strong_count(&wakes)), (1, 2), "the first task is forgotten");
    // From the body: it is adopted in the same poll.
    assert!(poll_with(scope.as_mut(), &other).is_pending());
    assert_eq!(others.count(), 0);
    spawn().detach();
    assert_eq!((wakes.count(), others.count()), (1, 1));
}

#[test]
fn a_handle_wakes_whoever_awaited_it_last() {
    let (gate, handle) = (Cell::new(false), RefCell::new(None));
    let mut scope = pin!(local_scope(|scope| {
        let gate = &gate;
        let child = poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            if gate.get() { Poll::Ready(7) } else { Poll::Pending }
        });
        *handle.borrow_mut() = Some(scope.spawn(child));
        pending::<()>()
    }));
    assert!(poll_once(scope.as_mut()).is_pending());
    let mut handle = handle.take().expect("the body has run");
    let ((first, first_waker), (second, second_waker)) = (Wakes::new(), Wakes::new());
    for waker in [&first_waker, &first_waker, &second_waker, &second_waker] {
        assert!(poll_with(Pin::new(&mut handle), waker).is_pending());
    }
    assert_eq!(Arc::strong_count(&first), 2, "the first task is forgotten");
    gate.set(true);
    assert!(poll_once(scope.as_mut()).is_pending());
    assert_eq!((first.count(), second.count()), (0, 1));
    assert!(handle.is_finished());
    assert!(matches!(poll_once(Pin::new(&mut handle)), Poll::Ready(Ok(7))));
    assert!(handle.is_finished(), "also when the outcome is taken");
    let again = catch_unwind(AssertUnwindSafe(|| poll_once(Pin::new(&mut handle))));
    assert_eq!(
        again.unwrap_err().downcast_ref(),
        Some(&"the handle of a child was polled after it gave its outcome")
    );
}

#[test]
fn a_handle_that_is_dropped_keeps_nobody_awake() {
    let handle = RefCell::new(None);
    let mut scope = pin!(borrow_scope(|scope| {
        *handle.borrow_mut() = Some(scope.spawn(YieldOnce(false)));
        pending::<()>()
    }));
    assert!(poll_once(scope.as_mut()).is_pending());
    let mut handle = handle.take().expect("the body has run");
    let (wakes, waker) = Wakes::new();
    assert!(poll_with(Pin::new(&mut handle), &waker).is_pending());
    drop(handle);
    assert_eq!(Arc::strong_count(&wakes), 2, "the task is forgotten");
    assert!(poll_once(scope.as_mut()).is_pending());
    assert_eq!(wakes.count(), 0);
}

#[test]
fn children_that_were_woken_come_before_the_body_and_new_ones_after_it() {
    let log = RefCell::new(Vec::new());
    let mut scope = pin!(local_scope(|scope| {
        let log = &log;
        let child = move |name| {
            poll_fn(move |cx| {
                log.borrow_mut().push(name);
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
        };
        let mut names = ["first", "second"].into_iter();
        poll_fn(move |_| {
            if let Some(name) = names.next() {
                scope.spawn(child(name)).detach();
            }
            log.borrow_mut().push("body");
            Poll::<()>::Pending
        })
    }));
    for turn in [&["body", "first"][..], &["first", "body", "second"], &["first", "second", "body"]] {
        assert!(poll_once(scope.as_mut()).is_pending());
        assert_eq!(log.take(), turn);
    }
}

#[test]
fn a_scope_that_borrows_runs_in_a_task() {
    let run = Sim::builder().run(|rt: Sim| async move {
        let task = rt.spawn({
            let rt = rt.clone();
            async move {
                let words = vec![String::from("borrowed"), String::from("too")];
                let lengths = borrow_scope(|scope| {
                    let (rt, words) = (&rt, &words);
                    async move {
                        let inner = scope.clone();
                        let nested = scope.spawn(async move {
                            rt.sleep(MS).await;
                            let own = String::from("own");
                            let own = borrow_scope(|nested| {
                                let own = &own;
                                async move { nested.spawn(async move { own.len() + words.len() }).await }
                            });
                            (own.await, inner.spawn(async move { words[0].len() }).await)
                        });
                        let (own, word) = nested.await.expect("the scope is there");
                        own.expect("the scope is there") + word.expect("the scope is there")
                    }
                });
                lengths.await + words.len()
            }
        });
        task.await
    });
    assert!(matches!(run.expect("nothing is violated").value, Ok(15)));
}

#[test]
fn who_may_be_sent() {
    fn is_send<T: Send>(_: &T) {}
    fn is_sync<T: Sync>() {}

    is_sync::<Scope<'static>>();
    is_sync::<ScopedHandle<Cell<u8>>>();
    let scope = borrow_scope(|scope| async move {
        is_send(&scope);
        let handle = scope.spawn(async { Cell::new(0) });
        is_send(&handle);
        handle.await.is_ok()
    });
    is_send(&scope);
    assert!(futures::executor::block_on(scope));
}
