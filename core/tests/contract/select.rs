//! Selects beside timers, tasks and locks.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::future::poll_now;
use backstay_core::select::{OneOf2, OneOf3, Turn, select2, select3};
use backstay_core::{JoinHandle, Runtime};
use std::future::pending;
use std::sync::Arc;

test_on_every_runtime! {
    s02_a_lock_that_a_loser_queued_for_is_free
    s11_what_is_pending_is_none_at_once
    s12_tasks_that_have_ended_are_removed_by_value
}

async fn s02_a_lock_that_a_loser_queued_for_is_free<R: Runtime>(rt: R) {
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let held = Arc::clone(&lock).lock_owned().await;
    let nap = rt.sleep(ms(20));
    let background = rt.spawn(async move {
        nap.await;
        drop(held);
    });
    let handled = rt.timeout(SOON, async {
        // On a machine that is busy, the lock may be free first.
        match select2(lock.lock(), rt.sleep(ms(2))).await {
            OneOf2::First(_) => {}
            OneOf2::Second(()) => drop(lock.lock().await),
        }
    });
    handled.await.expect("it waits for nobody but the holder");
    background.await.expect("no panic");
}

async fn s11_what_is_pending_is_none_at_once<R: Runtime>(rt: R) {
    let never = rt.spawn(pending::<()>());
    assert!(poll_now(select2(pending::<()>(), rt.sleep(SOON))).await.is_none());
    never.abort();
    assert!(matches!(never.await, Err(error) if error.is_aborted()));
    assert_eq!(poll_now(rt.sleep(ms(0))).await, Some(()));
}

async fn s12_tasks_that_have_ended_are_removed_by_value<R: Runtime>(rt: R) {
    let naps = [3, 1, 2].map(|number| {
        let nap = rt.sleep(ms(number));
        rt.spawn(async move {
            nap.await;
            number
        })
    });
    let [mut a, mut b, mut c] = naps;
    let mut turn = Turn::new();
    // Handles of tasks may be awaited by reference: they queue for nothing.
    let (won, x, y) = match select3(&mut a, &mut b, &mut c).rotate(&mut turn).await {
        OneOf3::First(won) => (won, b, c),
        OneOf3::Second(won) => (won, a, c),
        OneOf3::Third(won) => (won, a, b),
    };
    let (mut x, mut y) = (x, y);
    let (second, z) = match select2(&mut x, &mut y).rotate(&mut turn).await {
        OneOf2::First(won) => (won, y),
        OneOf2::Second(won) => (won, x),
    };
    let mut all = [won, second, z.await].map(|ended| ended.expect("no panic"));
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3]);
}
