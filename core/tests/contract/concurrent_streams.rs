//! Concurrent and merged streams on real runtimes: limits hold, nothing is lost, and nothing in flight stands still.

use crate::kit::{SOON, drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::channel::mpsc;
use backstay_core::stream::{FlowExt, MergeEvent, MergeSet};
use backstay_core::sync::Semaphore;
use backstay_core::{Limit, Runtime};
use futures::{StreamExt, stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

test_on_every_runtime! {
    as_many_run_as_may_and_outputs_are_in_order
    s01_bodies_may_wait_for_what_is_held_in_flight
    a_source_with_a_task_is_ahead_of_its_reader
    a_dropped_stream_ends_its_task
    merged_streams_lose_nothing
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

/// Work that is done by a task, and yields now and then.
fn work<R: Runtime>(
    rt: &R,
) -> impl FnMut(usize) -> futures::future::BoxFuture<'static, usize> + Send + use<R> {
    let rt = rt.clone();
    move |id| {
        let rt = rt.clone();
        Box::pin(async move {
            let own = rt.clone();
            let turns = rt.spawn(async move {
                for _ in 0..id % 4 {
                    own.yield_now().await;
                }
            });
            turns.await.expect("no panic");
            id
        })
    }
}

async fn as_many_run_as_may_and_outputs_are_in_order<R: Runtime>(rt: R) {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = |id| {
        let (rt, running, most) = (rt.clone(), Arc::clone(&running), Arc::clone(&most));
        async move {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            rt.yield_now().await;
            work(&rt)(id).await;
            running.fetch_sub(1, SeqCst);
            id
        }
    };
    let ordered =
        stream::iter(0..100).map_concurrent_ordered(limit(7), limit(20), counted).expect("a window");
    let outputs: Vec<_> = rt.timeout(SOON, ordered.collect()).await.expect("no wake is lost");
    assert!(outputs.into_iter().eq(0..100));
    let unordered = stream::iter(0..100).map_concurrent(limit(7), counted);
    let mut outputs: Vec<_> = rt.timeout(SOON, unordered.collect()).await.expect("no wake is lost");
    outputs.sort_unstable();
    assert!(outputs.into_iter().eq(0..100));
    assert_eq!((most.load(SeqCst), running.load(SeqCst)), (7, 0));
}

async fn s01_bodies_may_wait_for_what_is_held_in_flight<R: Runtime>(rt: R) {
    let permits = Arc::new(Semaphore::new(limit(2)));
    let held = |id| {
        let (rt, permits) = (rt.clone(), Arc::clone(&permits));
        async move {
            let _permit = permits.acquire().await.expect("it is open");
            work(&rt)(id).await
        }
    };
    let body = |id| {
        let used = held(id);
        async move {
            used.await;
        }
    };
    let items = || stream::iter(0..20).map_concurrent(limit(4), held);
    rt.timeout(SOON, items().for_each(body)).await.expect("it comes to its end");
    rt.timeout(SOON, items().each_concurrent(limit(1), body)).await.expect("it comes to its end");
    let own = (rt.clone(), Arc::clone(&permits));
    let owned = move |id| {
        let (rt, permits) = own.clone();
        async move {
            let _permit = permits.acquire().await.expect("it is open");
            work(&rt)(id).await
        }
    };
    let mut spawned = stream::iter(0..20).map_concurrent(limit(4), owned).spawned(&rt, Limit::ONE);
    let looped = async {
        while let Some(id) = spawned.next().await {
            held(id).await;
        }
    };
    rt.timeout(SOON, looped).await.expect("it comes to its end");
}

async fn a_source_with_a_task_is_ahead_of_its_reader<R: Runtime>(rt: R) {
    let (made, of) = (Arc::new(AtomicUsize::new(0)), work(&rt));
    let counted = Arc::clone(&made);
    let source = stream::iter(0..20).then(of).inspect(move |_| {
        counted.fetch_add(1, SeqCst);
    });
    let mut items = Box::pin(source.spawned(&rt, limit(4)));
    assert_eq!(items.next().await, Some(0));
    let full = async {
        while items.waiting() < 4 {
            rt.sleep(ms(1)).await;
        }
    };
    rt.timeout(SOON, full).await.expect("nobody reads, and it goes on");
    assert_eq!(made.load(SeqCst), 5);
    let rest: Vec<_> = rt.timeout(SOON, items.collect()).await.expect("no wake is lost");
    assert!(rest.into_iter().eq(1..20));
}

async fn a_dropped_stream_ends_its_task<R: Runtime>(rt: R) {
    let (sender, mut receiver) = mpsc::channel::<()>(Limit::ONE);
    let own = rt.clone();
    let source = stream::iter(0..).then(move |id| {
        let _ = &sender;
        let nap = own.sleep(ms(1));
        async move {
            nap.await;
            id
        }
    });
    let mut items = Box::pin(source.spawned(&rt, limit(2)));
    assert_eq!(items.next().await, Some(0));
    drop(items);
    assert_eq!(rt.timeout(SOON, receiver.recv()).await, Ok(None), "what the source held is dropped");
}

async fn merged_streams_lose_nothing<R: Runtime>(rt: R) {
    let mut set = MergeSet::new();
    let tasks: Vec<_> = (0..10_usize)
        .map(|id| {
            let (sender, receiver) = mpsc::channel(limit(3));
            set.insert(receiver);
            rt.spawn(async move {
                for number in 0..30_usize {
                    sender.send((id, number)).await.expect("somebody reads");
                }
            })
        })
        .collect();
    let (left, right) = (mpsc::channel(limit(2)), mpsc::channel(limit(2)));
    let both = left.1.merge_with(right.1);
    let send = rt.spawn(async move {
        for number in 0..30_usize {
            left.0.send(number).await.expect("somebody reads");
            right.0.send(number).await.expect("somebody reads");
        }
    });
    let mut next = [0; 10];
    let mut ends = 0;
    let all = async {
        while let Some(event) = set.events().next().await {
            match event {
                MergeEvent::Item(_, (id, number)) => {
                    assert_eq!(number, next[id], "each one's own in order");
                    next[id] += 1;
                }
                MergeEvent::Ended(_) => ends += 1,
            }
        }
    };
    rt.timeout(SOON, all).await.expect("no wake is lost");
    assert_eq!((next, ends), ([30; 10], 10));
    let sum: usize =
        rt.timeout(SOON, both.fold(0, async |sum, number| sum + number)).await.expect("as there");
    assert_eq!(sum, 2 * 435);
    for task in tasks.into_iter().chain([send]) {
        task.await.expect("no panic");
    }
}

async fn s09_a_dropped_next_loses_nothing<R: Runtime>(rt: R) {
    for polls in 0..4 {
        let mut items =
            Box::pin(stream::iter(0..5).map_concurrent(limit(2), work(&rt)).spawned(&rt, limit(1)));
        let mut outputs: Vec<_> = drop_after(&rt, polls, items.next()).await.flatten().into_iter().collect();
        outputs.extend(rt.timeout(SOON, items.collect::<Vec<_>>()).await.expect("no wake is lost"));
        outputs.sort_unstable();
        assert_eq!(outputs, [0, 1, 2, 3, 4], "after {polls} polls");
    }
}

async fn s13_a_loop_over_what_is_always_ready_starves_no_timeout<R: Runtime>(rt: R) {
    let endless = || stream::repeat(1).map_concurrent(limit(4), std::future::ready);
    assert!(rt.timeout(ms(2), endless().for_each(|_| std::future::ready(()))).await.is_err());
    assert!(
        rt.timeout(ms(2), endless().each_concurrent(limit(4), |_| std::future::ready(()))).await.is_err()
    );
    let set: MergeSet<_> = [1, 2].map(stream::repeat).into_iter().collect();
    assert!(rt.timeout(ms(2), set.for_each(|_| std::future::ready(()))).await.is_err());
    let both = stream::repeat(1).merge_with(stream::repeat(2));
    assert!(rt.timeout(ms(2), both.for_each(|_| std::future::ready(()))).await.is_err());
}
