//! Bounded sets on real runtimes: the limit holds, nothing is lost, and a loop over them starves nobody.

use crate::kit::{SOON, drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::future::{BoundedSet, KeyedSet, Ordered};
use backstay_core::time::Elapsed;
use backstay_core::{Limit, Runtime};
use futures::StreamExt;
use std::future::{Ready, ready};
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

test_on_every_runtime! {
    as_many_run_as_may_and_no_more
    outputs_are_in_order
    each_output_has_its_key
    s09_a_dropped_next_loses_nothing
}

// Time passes on the simulated runtime once a loop has yielded a thousand times: one seed is enough.
test_on_every_runtime! {
    with (seeds = 1);
    s13_a_loop_over_what_is_always_ready_starves_no_timeout
}

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

/// Futures that wait for a task each, and count those that run with them.
///
/// Each yields once before it waits: its task may have ended by then, and the future be ready when it is next polled.
/// So all for which there is a place have begun before any ends, however fast the runtime's threads are.
fn work<R: Runtime>(
    rt: &R,
    most: &Arc<AtomicUsize>,
    count: usize,
) -> Vec<impl Future<Output = usize> + use<R>> {
    let running = Arc::new(AtomicUsize::new(0));
    let one = |id: usize| {
        let (rt, running, most) = (rt.clone(), Arc::clone(&running), Arc::clone(most));
        async move {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            let own = rt.clone();
            rt.yield_now().await;
            let turns = rt.spawn(async move {
                for _ in 0..id % 4 {
                    own.yield_now().await;
                }
            });
            turns.await.expect("no panic");
            running.fetch_sub(1, SeqCst);
            id
        }
    };
    (0..count).map(one).collect()
}

async fn as_many_run_as_may_and_no_more<R: Runtime>(rt: R) {
    let most = Arc::default();
    let set = BoundedSet::new(limit(7)).over(work(&rt, &most, 100));
    let mut outputs: Vec<_> = rt.timeout(SOON, set.collect()).await.expect("no wake is lost");
    outputs.sort_unstable();
    assert!(outputs.into_iter().eq(0..100));
    assert_eq!(most.load(SeqCst), 7);
}

async fn outputs_are_in_order<R: Runtime>(rt: R) {
    let most = Arc::default();
    let set = Ordered::new(limit(7), limit(20)).expect("a window").over(work(&rt, &most, 100));
    let outputs: Vec<_> = rt.timeout(SOON, set.collect()).await.expect("no wake is lost");
    assert!(outputs.into_iter().eq(0..100));
    assert_eq!(most.load(SeqCst), 7);
}

async fn each_output_has_its_key<R: Runtime>(rt: R) {
    let mut set = KeyedSet::new(Limit::MAX);
    for (id, future) in work(&rt, &Arc::default(), 50).into_iter().enumerate() {
        assert!(set.try_insert(format!("job {id}"), future).is_ok());
    }
    assert!(set.remove("job 7"));
    let mut outputs: Vec<_> = rt.timeout(SOON, set.collect()).await.expect("no wake is lost");
    outputs.sort_unstable_by_key(|&(_, id)| id);
    assert!(outputs.iter().map(|&(_, id)| id).eq((0..50).filter(|&id| id != 7)));
    assert!(outputs.iter().all(|(key, id)| *key == format!("job {id}")));
}

async fn s09_a_dropped_next_loses_nothing<R: Runtime>(rt: R) {
    for polls in 0..4 {
        let mut set = BoundedSet::new(limit(2)).over(work(&rt, &Arc::default(), 5));
        let mut outputs: Vec<_> = drop_after(&rt, polls, set.next()).await.flatten().into_iter().collect();
        outputs.extend(rt.timeout(SOON, set.collect::<Vec<_>>()).await.expect("no wake is lost"));
        outputs.sort_unstable();
        assert_eq!(outputs, [0, 1, 2, 3, 4], "after {polls} polls");
    }
}

async fn s13_a_loop_over_what_is_always_ready_starves_no_timeout<R: Runtime>(rt: R) {
    let endless = || iter::repeat_with(|| ready(1));
    let over = BoundedSet::new(limit(4)).over(endless()).for_each(|_| ready(()));
    assert_eq!(rt.timeout(ms(2), over).await, Err(Elapsed));
    let ordered = Ordered::new(limit(4), Limit::MAX).expect("a window");
    assert_eq!(rt.timeout(ms(2), ordered.over(endless()).for_each(|_| ready(()))).await, Err(Elapsed));
    // Whoever takes an output adds another.
    let pushed = async {
        let mut set = BoundedSet::new(limit(4));
        loop {
            let _: Result<_, _> = set.try_push(ready(1));
            set.next().await;
        }
    };
    assert_eq!(rt.timeout(ms(2), pushed).await, Err::<(), _>(Elapsed));
    let inserted = async {
        let mut set: KeyedSet<u64, Ready<u8>> = KeyedSet::new(limit(4));
        for key in 0.. {
            let _: Result<_, _> = set.try_insert(key, ready(1));
            set.next().await;
        }
    };
    assert_eq!(rt.timeout(ms(2), inserted).await, Err(Elapsed));
    let in_order = async {
        let mut set = Ordered::new(limit(4), limit(4)).expect("a window");
        loop {
            let _: Result<_, _> = set.try_push(ready(1));
            set.next().await;
        }
    };
    assert_eq!(rt.timeout(ms(2), in_order).await, Err::<(), _>(Elapsed));
}
