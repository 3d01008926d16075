//! Streams of streams, with timers and threads that are real.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::stream::FlowExt;
use backstay_core::{Limit, Runtime};
use futures::Stream;
use futures::channel::mpsc;
use futures::stream::{self, StreamExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

test_on_every_runtime! {
    switch_map_ends_with_the_latest_stream
    exhaust_map_ends_each_stream_that_it_begins
    flat_map_limited_keeps_its_limit_and_loses_nothing
    streams_of_other_tasks_wake_it
}

/// So many numbers, each after its time.
fn numbers<R: Runtime>(rt: &R, count: u32, apart: u64) -> impl Stream<Item = u32> + Send + use<R> {
    let rt = rt.clone();
    stream::iter(0..count).then(move |number| {
        let rt = rt.clone();
        async move {
            rt.sleep(ms(apart)).await;
            number
        }
    })
}

async fn switch_map_ends_with_the_latest_stream<R: Runtime>(rt: R) {
    let typed = numbers(&rt, 4, 3);
    let mut answers = Box::pin(typed.switch_map(|n| numbers(&rt, 2, 5).map(move |part| (n, part))));
    let mut got = Vec::new();
    while let Some(answer) = rt.timeout(SOON, answers.next()).await.expect("nobody sleeps on") {
        got.push(answer);
    }
    // How many came of the earlier ones is a matter of time, and their order is not.
    assert!(got.is_sorted(), "{got:?}");
    assert!(got.ends_with(&[(3, 0), (3, 1)]), "{got:?}");
}

async fn exhaust_map_ends_each_stream_that_it_begins<R: Runtime>(rt: R) {
    let clicks = numbers(&rt, 8, 2);
    let mut sent = Box::pin(clicks.exhaust_map(|n| numbers(&rt, 2, 2).map(move |part| (n, part))));
    let mut got = Vec::new();
    while let Some(part) = rt.timeout(SOON, sent.next()).await.expect("nobody sleeps on") {
        got.push(part);
    }
    assert_eq!(got[..2], [(0, 0), (0, 1)]);
    assert!(got.is_sorted() && got.chunks(2).all(|parts| parts[0].0 == parts[1].0), "{got:?}");
    assert_eq!(sent.dropped() as usize + got.len() / 2, 8);
}

async fn flat_map_limited_keeps_its_limit_and_loses_nothing<R: Runtime>(rt: R) {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let merged = stream::iter(0..20).flat_map_limited(Limit::new(3).expect("not zero"), |n| {
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        let now = Arc::clone(&now);
        let parts = numbers(&rt, 2, 1).map(move |part| (n, part));
        parts.chain(stream::once(async move {
            now.fetch_sub(1, SeqCst);
            (n, 2)
        }))
    });
    let mut got: Vec<_> = rt.timeout(SOON, merged.collect()).await.expect("nobody sleeps on");
    got.sort();
    assert!(got.into_iter().eq((0..20).flat_map(|n| [(n, 0), (n, 1), (n, 2)])));
    assert_eq!((now.load(SeqCst), most.load(SeqCst)), (0, 3));
}

async fn streams_of_other_tasks_wake_it<R: Runtime>(rt: R) {
    const EACH: usize = 50;
    let (sends, tasks): (Vec<_>, Vec<_>) = (0..8)
        .map(|_| {
            let (mut sender, receiver) = mpsc::channel(1);
            let rt = rt.clone();
            let task = rt.clone().spawn(async move {
                for number in 0..EACH {
                    futures::SinkExt::send(&mut sender, number).await.expect("it is received");
                    if number % 7 == 0 {
                        rt.yield_now().await;
                    }
                }
            });
            (receiver, task)
        })
        .unzip();
    let count = stream::iter(sends).flat_map_limited(Limit::MAX, |receiver| receiver).count();
    assert_eq!(rt.timeout(SOON, count).await.expect("nobody sleeps on"), 8 * EACH);
    for task in tasks {
        assert!(rt.timeout(SOON, task).await.expect("it has ended").is_ok());
    }
}
