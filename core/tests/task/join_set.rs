//! Join sets: whose outcome comes when, and what is left when something is dropped.

use crate::kit::{Wakes, in_ticks, poll_once, ticks};
use backstay::testing::{
    Sim, Subject, Tracker, abort_sweep, cancel_sweep, panic_sweep, test_on_every_runtime,
};
use backstay::{JoinError, Limit, Runtime};
use backstay_core::future::NotInserted;
use backstay_core::task::{CancelToken, JoinSet, OnPanic, scope};
use futures::{FutureExt, Stream, StreamExt};
use std::cmp::Ordering;
use std::future::pending;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

test_on_every_runtime! {
    sim only;
    s14_an_aborted_task_is_a_value_in_join_all
    s14_blocking_tasks_are_counted_apart
    s15_a_set_that_is_dropped_is_awaited_by_its_parent
    s29_try_join_next_replaces_no_waker
    outcomes_come_in_the_order_of_their_ends
    a_key_is_taken_until_its_outcome_is_given
    a_limit_is_kept
    a_drain_tells_gives_grace_and_aborts
    a_drain_that_is_dropped_loses_nothing
    a_set_is_a_stream
    s15_outcomes_that_panic_when_they_are_dropped_keep_nobody_from_waiting
    s29_who_waits_is_woken_for_a_task_that_is_new
    s15_keys_that_panic_when_they_are_dropped_keep_nobody_from_waiting
    keys_are_compared_no_more_often_where_many_outcomes_wait
}

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

async fn s14_an_aborted_task_is_a_value_in_join_all<R: Runtime>(rt: R) {
    let mut set = JoinSet::new(&rt);
    let first = set.spawn(rt.sleep(ticks(5)).map(|()| 1));
    let second = set.spawn(pending());
    let third = set.spawn(async { resume_unwind(Box::new("a bomb")) });
    set.spawn(async { 4 });
    assert!(first < second && second < third);
    assert_eq!(third.to_string(), "#2");
    assert!(set.abort(&second));
    let outcomes = set.join_all().await;
    assert!(matches!(outcomes[0], Ok(1)), "{outcomes:?}");
    assert!(matches!(outcomes[1], Err(JoinError::Aborted)));
    assert!(matches!(&outcomes[2], Err(JoinError::Panicked(panic)) if panic.message() == Some("a bomb")));
    assert!(matches!(outcomes[3], Ok(4)));
    assert!(set.is_empty() && !set.abort(&second));
    assert!(set.join_all().await.is_empty());
    assert!(set.join_next().await.is_none());
}

async fn s14_blocking_tasks_are_counted_apart<R: Runtime>(rt: R) {
    let mut set = JoinSet::keyed(&rt);
    set.spawn_blocking_keyed("job", || 1).unwrap();
    set.spawn_keyed("task", pending()).unwrap();
    let stop = CancelToken::new();
    stop.cancel();
    let report = set.drain(&stop, ticks(1)).await;
    assert_eq!(report.aborted.iter().filter(|key| **key == "task").count(), 1);
    // It was not started yet, or it ran to its end, or runs: it is somewhere.
    let job = report.finished.len() + report.still_blocking.len() + report.aborted.len() - 1;
    assert_eq!(job, 1, "{report:?}");
    assert_eq!(set.len(), report.still_blocking.len());
    set.join_all().await;
}

async fn s15_a_set_that_is_dropped_is_awaited_by_its_parent<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    let outer = scope(&rt, |s| {
        let tracker = tracker.clone();
        async move {
            let mut set = JoinSet::new(&s);
            for _ in 0..5 {
                let held = tracker.track(());
                set.spawn(pending::<()>().map(move |()| drop(held)));
            }
            s.runtime().sleep(ticks(1)).await;
            drop(set);
            Ok::<_, ()>(())
        }
    });
    outer.await.expect("nothing failed");
    tracker.assert_none_alive();
}

async fn s29_try_join_next_replaces_no_waker<R: Runtime>(rt: R) {
    let mut set = JoinSet::new(&rt);
    set.spawn(rt.sleep(ticks(5)));
    let (wakes, waker) = Wakes::new();
    assert!(set.poll_join_next(&mut Context::from_waker(&waker)).is_pending());
    rt.sleep(ticks(1)).await;
    assert!(set.try_join_next().is_none());
    let before = wakes.count();
    rt.sleep(ticks(10)).await;
    assert!(wakes.count() > before, "who waited is still woken");
    assert!(matches!(set.try_join_next(), Some((_, Ok(())))));
    assert!(set.try_join_next().is_none());
}

async fn outcomes_come_in_the_order_of_their_ends<R: Runtime>(rt: R) {
    let mut set = JoinSet::keyed(&rt);
    for n in [3, 1, 2] {
        set.spawn_keyed(n, rt.sleep(ticks(n * 10))).unwrap();
    }
    for n in 1..=3 {
        assert!(matches!(set.join_next().await, Some((key, Ok(()))) if key == n));
    }
}

async fn a_key_is_taken_until_its_outcome_is_given<R: Runtime>(rt: R) {
    let mut set = JoinSet::keyed(&rt);
    set.spawn_keyed("a", async {}).unwrap();
    rt.sleep(ticks(1)).await;
    assert!(matches!(set.spawn_keyed("a", async {}), Err(NotInserted::Taken("a", _))));
    assert!(matches!(set.spawn_keyed_when_free("a", async {}).await, Err(NotInserted::Taken("a", _))));
    assert!(matches!(set.spawn_blocking_keyed("a", || ()), Err(NotInserted::Taken("a", _))));
    assert!(set.contains("a"));
    assert!(set.join_next().await.is_some());
    assert!(!set.contains("a"));
    set.spawn_keyed("a", async {}).unwrap();
    set.join_next().await;
}

async fn a_limit_is_kept<R: Runtime>(rt: R) {
    let (running, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let mut set = JoinSet::new(&rt).limit(limit(3));
    for n in 0..10 {
        let (rt, running, most) = (rt.clone(), Arc::clone(&running), Arc::clone(&most));
        let task = async move {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            rt.sleep(ticks(1)).await;
            running.fetch_sub(1, SeqCst);
            n
        };
        set.spawn_when_free(task).await;
    }
    let outcomes: Vec<_> = set.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes, (0..10).collect::<Vec<_>>(), "none of those that came meanwhile is lost");
    assert_eq!(most.load(SeqCst), 3);

    let mut keyed = JoinSet::keyed(&rt).limit(Limit::ONE);
    keyed.spawn_keyed(1, pending::<()>()).unwrap();
    assert!(matches!(keyed.spawn_keyed(2, pending()), Err(NotInserted::Full(2, _))));
    {
        let mut waits = pin!(keyed.spawn_keyed_when_free(2, pending()));
        assert!(poll_once(waits.as_mut()).is_pending());
    }
    assert!(keyed.abort(&1));
    keyed.spawn_keyed_when_free(2, pending()).await.unwrap();
    assert!(matches!(keyed.join_next().await, Some((1, Err(JoinError::Aborted)))));
    keyed.abort_all();
    assert!(matches!(keyed.join_next().await, Some((2, Err(JoinError::Aborted)))));
}

async fn a_drain_tells_gives_grace_and_aborts<R: Runtime>(rt: R) {
    let mut set = JoinSet::keyed(&rt);
    let token = set.token().clone();
    set.spawn_keyed("heeds", async move { token.cancelled().await.to_string() }).unwrap();
    set.spawn_keyed("quick", async { "done".to_owned() }).unwrap();
    set.spawn_keyed("bomb", async { resume_unwind(Box::new("a bomb")) }).unwrap();
    set.spawn_keyed("stuck", pending()).unwrap();
    let (stop, start) = (CancelToken::new(), rt.now());
    let own = stop.clone();
    let signal = rt.spawn({
        let nap = rt.sleep(ticks(10));
        async move {
            nap.await;
            own.cancel_with("the end");
        }
    });
    let report = set.drain(&stop, ticks(20)).await;
    assert_eq!(in_ticks(rt.now() - start), 30);
    assert_eq!(report.finished, [("quick", "done".to_owned()), ("heeds", "the end".to_owned())]);
    assert_eq!(report.aborted, ["stuck"]);
    assert!(matches!(&report.panicked[..], [("bomb", panic)] if panic.message() == Some("a bomb")));
    assert!(report.lost.is_empty() && report.still_blocking.is_empty() && set.is_empty());
    signal.await.unwrap();
}

async fn a_drain_that_is_dropped_loses_nothing<R: Runtime>(rt: R) {
    let mut set = JoinSet::keyed(&rt);
    set.spawn_keyed(1, async {}).unwrap();
    set.spawn_keyed(2, rt.sleep(ticks(5))).unwrap();
    let never = CancelToken::new();
    assert!(rt.timeout(ticks(1), set.drain(&never, Duration::ZERO)).await.is_err());
    assert_eq!(set.len(), 2);
    let report = set.drain(&never, Duration::ZERO).await;
    assert_eq!(report.finished, [(1, ()), (2, ())]);
}

async fn a_set_is_a_stream<R: Runtime>(rt: R) {
    let mut set = JoinSet::keyed(&rt);
    for n in 0..300 {
        set.spawn_keyed(n, async move { n }).unwrap();
    }
    assert_eq!(set.size_hint(), (300, Some(300)));
    rt.sleep(ticks(1)).await;
    let ended: Vec<_> = set.map(|(key, outcome)| (key, outcome.unwrap())).collect().await;
    assert_eq!(ended.len(), 300);
    assert!(ended.iter().all(|(key, value)| key == value));
}

async fn s15_outcomes_that_panic_when_they_are_dropped_keep_nobody_from_waiting<R: Runtime>(rt: R) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new("a destructor"));
        }
    }
    let tracker = Tracker::new();
    let outer = scope(&rt, |s| {
        let held = tracker.track(());
        async move {
            let mut set = JoinSet::new(&s);
            set.spawn(async { Some(Bomb) });
            // A set below, whose parent is the task: it takes its time.
            let (inner, nap) = (s.clone(), s.runtime().sleep(ticks(20)));
            set.spawn(async move {
                scope(&inner, |s| {
                    s.shield(async move {
                        nap.await;
                        drop(held);
                        Ok::<_, ()>(())
                    });
                    pending::<Result<(), ()>>()
                })
                .await
                .ok();
                None
            });
            s.runtime().sleep(ticks(1)).await;
            drop(set);
            Ok::<_, ()>(())
        }
    });
    outer.await.expect("nobody fails: there is nobody to be told of it");
    tracker.assert_none_alive();
}

async fn s29_who_waits_is_woken_for_a_task_that_is_new<R: Runtime>(rt: R) {
    let mut set = JoinSet::new(&rt);
    let stuck = set.spawn(pending());
    let (wakes, waker) = Wakes::new();
    assert!(set.poll_join_next(&mut Context::from_waker(&waker)).is_pending());
    let quick = set.spawn(async {});
    assert!(wakes.count() > 0, "nobody else would poll it");
    let next = std::future::poll_fn(|cx| set.poll_join_next(cx)).await;
    assert!(matches!(next, Some((id, Ok(()))) if id == quick));
    assert!(set.abort(&stuck));
    assert_eq!(set.join_all().await.len(), 1);
}

async fn s15_keys_that_panic_when_they_are_dropped_keep_nobody_from_waiting<R: Runtime>(rt: R) {
    #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Key;
    impl Drop for Key {
        fn drop(&mut self) {
            resume_unwind(Box::new("a destructor"));
        }
    }
    let tracker = Tracker::new();
    let outer = scope(&rt, |s| {
        let held = tracker.track(());
        async move {
            let mut set = JoinSet::keyed(&s);
            assert!(set.spawn_keyed(Key, pending::<()>().map(|()| drop(held))).is_ok());
            drop(set);
            Ok::<_, ()>(())
        }
    });
    outer.await.expect("nobody fails");
    tracker.assert_none_alive();
}

async fn keys_are_compared_no_more_often_where_many_outcomes_wait<R: Runtime>(rt: R) {
    #[derive(Clone, Debug)]
    struct Key(u32, Arc<AtomicU32>);
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other).is_eq()
        }
    }
    impl Eq for Key {}
    impl PartialOrd for Key {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Key {
        fn cmp(&self, other: &Self) -> Ordering {
            self.1.fetch_add(1, SeqCst);
            self.0.cmp(&other.0)
        }
    }
    let count = Arc::new(AtomicU32::new(0));
    let mut set = JoinSet::keyed(&rt).limit(limit(4));
    for n in 0..1000 {
        set.spawn_keyed_when_free(Key(n, Arc::clone(&count)), async move { n }).await.unwrap();
    }
    assert!(set.contains(&Key(0, Arc::clone(&count))));
    assert!(count.load(SeqCst) < 100_000, "{count:?}");
    let outcomes: Vec<_> = set.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes, (0..1000).collect::<Vec<_>>());
    assert!(!set.contains(&Key(0, Arc::clone(&count))));
}

#[test]
fn asking_without_waiting_is_told_of_all_that_is_there() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let mut set = JoinSet::new(&rt);
            for _ in 0..300 {
                set.spawn(async {});
            }
            rt.sleep(ticks(1)).await;
            let mut count = 0;
            while set.try_join_next().is_some() {
                count += 1;
            }
            assert_eq!(count, 300, "the budget is for those who wait");
            assert_eq!(
                set.poll_join_next(&mut Context::from_waker(Waker::noop())).map(|next| next.is_none()),
                Poll::Ready(true)
            );
        })
        .expect("nothing is violated");
}

#[test]
fn asking_without_waiting_is_told_of_who_has_ended_in_the_midst_of_a_turn() {
    Sim::builder()
        .run(|rt: Sim| async move {
            let mut set = JoinSet::keyed(&rt);
            set.spawn_keyed("second", rt.sleep(ticks(10))).unwrap();
            set.spawn_keyed("first", async {}).unwrap();
            set.spawn_keyed("never", pending()).unwrap();
            rt.sleep(ticks(1)).await;
            // The turn in which that one has ended has another left.
            assert!(matches!(set.try_join_next(), Some(("first", Ok(())))));
            rt.sleep(ticks(20)).await;
            assert!(matches!(set.try_join_next(), Some(("second", Ok(())))));
            assert!(set.try_join_next().is_none());
        })
        .expect("nothing is violated");
}

async fn all_of_it(rt: Sim, subject: Subject) -> Tracker {
    let tracker = Tracker::new();
    let own = tracker.clone();
    let outer = scope(&rt, |s| async move {
        let rt = s.runtime().clone();
        let work = async {
            let mut set = JoinSet::new(&s).limit(limit(2));
            let token = CancelToken::with_deadline(&rt, rt.now() + ticks(4));
            for n in 0..4 {
                let (nap, held) = (rt.sleep(ticks(n)), own.track(n));
                set.spawn_when_free(async move {
                    nap.await;
                    held
                })
                .await;
            }
            drop(set.join_next().await);
            let held = own.track(9);
            set.spawn(pending::<()>().map(|()| held));
            drop(set.drain(&token, ticks(2)).await);
            drop(set.join_all().await);
        };
        subject.run(work).await;
        Ok::<_, ()>(())
    });
    outer.on_panic(OnPanic::Report).await.expect("what is left of a set does not fail");
    tracker
}

#[test]
fn s09_a_set_dropped_anywhere_leaves_nothing() {
    let check = |_, tracker: Tracker| async move { tracker.assert_none_alive() };
    cancel_sweep(all_of_it, check).unwrap_or_else(|failure| panic!("{failure}"));
    abort_sweep(all_of_it, check).unwrap_or_else(|failure| panic!("{failure}"));
    panic_sweep(all_of_it, check).unwrap_or_else(|failure| panic!("{failure}"));
}

/// Each way to start a task by name: all that a program that stands still tells of them.
#[test]
fn named_tasks_are_known_to_the_runtime_by_their_names() {
    let outcome = Sim::builder().run(|rt| async move {
        let mut set = JoinSet::new(&rt);
        set.named("spawned").spawn(pending::<()>());
        set.named("when free").spawn_when_free(pending()).await;
        set.named("blocking").spawn_blocking(|| ());
        let mut keyed = JoinSet::keyed(&rt);
        keyed.named("keyed").spawn_keyed(1, pending::<()>()).unwrap();
        keyed.named("keyed when free").spawn_keyed_when_free(2, pending()).await.unwrap();
        keyed.named("blocking keyed").spawn_blocking_keyed(3, || ()).unwrap();
        assert!(keyed.named("taken").spawn_keyed(1, pending()).is_err());
        pending::<()>().await;
    });
    let told = outcome.unwrap_err().to_string();
    for name in ["spawned", "when free", "keyed", "keyed when free"] {
        assert!(told.contains(&format!("  {name}  ")), "{name}: {told}");
    }
    assert!(told.contains("join_set.rs") && !told.contains("taken"), "{told}");
}
