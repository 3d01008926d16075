//! Joins, races and quorums over real tasks: losers are aborted, and have ended when the result is there.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay::testing::Tracker;
use backstay_core::future::{NoFutures, join_all, quorum, race, race_ok, settle, settle_until, try_join_all};
use backstay_core::{JoinError, JoinHandle, Limit, Runtime};
use std::future::{Ready, pending};
use std::panic::resume_unwind;

test_on_every_runtime! {
    s07_no_futures_have_a_result_of_their_own
    outputs_of_tasks_are_in_the_order_of_the_input
    the_first_error_ends_the_others
    all_outcomes_are_told_apart
    s09_losers_have_ended_when_the_result_is_there
    s09_what_is_late_has_ended_when_the_result_is_there
    s09_a_dropped_join_aborts_its_tasks
    many_wakes_from_many_threads_are_all_heard
}

async fn s07_no_futures_have_a_result_of_their_own<R: Runtime>(rt: R) {
    let none = Vec::<Ready<Result<(), ()>>>::new;
    assert_eq!(join_all(none()).await, []);
    assert_eq!(try_join_all(none()).await, Ok(vec![]));
    assert!(settle(none()).await.is_success());
    assert_eq!(settle_until(&rt, rt.now() + SOON, none()).await, []);
    assert_eq!(race(none()).await, Err(NoFutures));
    assert!(race_ok(none()).await.is_err_and(|errors| errors.is_empty()));
    assert!(quorum(Limit::ONE, none()).await.is_err_and(|error| error.of == 0));
}

/// A task that gives its number after so many milliseconds.
fn after<R: Runtime>(rt: &R, id: u64, delay: u64) -> R::JoinHandle<u64> {
    let nap = rt.sleep(ms(delay));
    rt.spawn(async move {
        nap.await;
        id
    })
}

async fn outputs_of_tasks_are_in_the_order_of_the_input<R: Runtime>(rt: R) {
    let tasks = [3, 1, 2, 0].into_iter().enumerate().map(|(id, delay)| after(&rt, id as u64, delay));
    let outcomes = rt.timeout(SOON, join_all(tasks)).await.expect("they end");
    let outputs: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(outputs, [0, 1, 2, 3]);
}

async fn the_first_error_ends_the_others<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    let work = |id: u32| {
        let (rt, held) = (&rt, tracker.track(()));
        async move {
            let _held = held;
            if id == 1 {
                return Err(id);
            }
            rt.sleep(SOON).await;
            Ok(id)
        }
    };
    assert_eq!(try_join_all((0..4).map(work)).await, Err(1));
    tracker.assert_none_alive();
    assert_eq!(
        race_ok((0..2).map(|id| async move { if id == 1 { Ok(id) } else { Err("no") } })).await,
        Ok(1)
    );
}

async fn all_outcomes_are_told_apart<R: Runtime>(rt: R) {
    let panics = rt.spawn(async {
        if true {
            resume_unwind(Box::new("disk full"));
        }
        1
    });
    let aborted = rt.spawn(pending());
    aborted.abort();
    let settled = rt.timeout(SOON, settle([after(&rt, 0, 1), panics, aborted])).await.expect("all end");
    assert_eq!(settled.succeeded, [(0, 0)]);
    assert!(
        matches!(settled.failed[..], [(1, JoinError::Panicked(_)), (2, JoinError::Aborted)]),
        "{settled:?}"
    );
}

/// A task that would run for ever, and one that ends.
fn slow_and_fast<R: Runtime>(rt: &R, tracker: &Tracker) -> [R::JoinHandle<u64>; 4] {
    [None, Some(1), None, Some(2)].map(|delay| {
        let (held, own) = (tracker.track(()), rt.clone());
        rt.spawn(async move {
            let held = held;
            match delay {
                Some(delay) => own.sleep(ms(delay)).await,
                None => pending().await,
            }
            drop(held);
            delay.unwrap_or_default()
        })
    })
}

async fn s09_losers_have_ended_when_the_result_is_there<R: Runtime>(rt: R) {
    for _ in 0..5 {
        let tracker = Tracker::new();
        let tasks = || slow_and_fast(&rt, &tracker);
        let first = rt.timeout(SOON, race(tasks()).abort_losers()).await.expect("one ends");
        tracker.assert_none_alive();
        assert!(matches!(first, Ok(Ok(1 | 2))), "{first:?}");
        let first = rt.timeout(SOON, race_ok(tasks()).abort_losers()).await.expect("one ends");
        tracker.assert_none_alive();
        assert!(matches!(first, Ok(1 | 2)), "{first:?}");
        let two = Limit::new(2).expect("not zero");
        let values = rt.timeout(SOON, quorum(two, tasks()).abort_losers()).await.expect("two end");
        tracker.assert_none_alive();
        let mut values = values.expect("both succeed");
        values.sort_unstable();
        assert_eq!(values, [(1, 1), (3, 2)]);
        let tasks = tasks();
        tasks[3].abort();
        let failed = rt.timeout(SOON, try_join_all(tasks).abort_losers()).await.expect("one fails");
        tracker.assert_none_alive();
        assert!(matches!(failed, Err(JoinError::Aborted)), "{failed:?}");
    }
}

async fn s09_what_is_late_has_ended_when_the_result_is_there<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    // Those that have ended when time is up, however long that took here.
    let tasks = slow_and_fast(&rt, &tracker);
    let outcomes = settle_until(&rt, rt.now() + ms(10), tasks).abort_late().await;
    tracker.assert_none_alive();
    assert!(outcomes[0].is_none() && outcomes[2].is_none(), "{outcomes:?}");
    assert!(matches!(outcomes[1], None | Some(Ok(1))) && matches!(outcomes[3], None | Some(Ok(2))));
    // A deadline that has passed: what has ended is there all the same.
    let ended = after(&rt, 7, 0);
    while !ended.is_finished() {
        rt.sleep(ms(1)).await;
    }
    let outcomes = settle_until(&rt, rt.now(), [ended, rt.spawn(pending())]).abort_late().await;
    assert!(matches!(outcomes[..], [Some(Ok(7)), None]), "{outcomes:?}");
}

async fn s09_a_dropped_join_aborts_its_tasks<R: Runtime>(rt: R) {
    let tracker = Tracker::new();
    drop(join_all(slow_and_fast(&rt, &tracker)).abort_losers());
    let late = settle_until(&rt, rt.now() + SOON, slow_and_fast(&rt, &tracker)).abort_late();
    assert!(rt.timeout(ms(1), late).await.is_err());
    let gone = async {
        while tracker.alive() > 0 {
            rt.sleep(ms(1)).await;
        }
    };
    rt.timeout(SOON, gone).await.expect("they are aborted");
}

async fn many_wakes_from_many_threads_are_all_heard<R: Runtime>(rt: R) {
    const COUNT: u64 = 300;
    let tasks = (0..COUNT).map(|id| {
        let own = rt.clone();
        let task = rt.spawn(async move {
            for _ in 0..id % 5 {
                own.yield_now().await;
            }
            id
        });
        async move { task.await.expect("no panic") }
    });
    let outputs = rt.timeout(SOON, join_all(tasks)).await.expect("no wake is lost");
    assert!(outputs.into_iter().eq(0..COUNT));
}
