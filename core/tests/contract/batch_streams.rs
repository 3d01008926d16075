//! Batches, overflow, rates and sources on every runtime: nothing lost, in order, and no sooner than allowed.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::channel::mpsc::{self, Overflow};
use backstay_core::resilience::{Quota, RateLimiter};
use backstay_core::stream::{BatchConfig, Emitter, FlowExt, Page, from_callback, generate, rows};
use backstay_core::time::ticker;
use backstay_core::{Limit, Runtime};
use futures::stream::{self, StreamExt};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

test_on_every_runtime! {
    a_batch_is_given_when_it_is_full_and_when_its_time_is_over
    what_another_task_sends_is_kept_by_policy
    items_wait_for_their_rate
    a_generator_is_driven_by_its_reader
    callbacks_come_from_other_tasks_and_are_closed
    pages_are_fetched_in_order
}

async fn a_batch_is_given_when_it_is_full_and_when_its_time_is_over<R: Runtime>(rt: R) {
    let (sender, items) = mpsc::channel(Limit::MAX);
    let mut batches = Box::pin(items.batch(&rt, BatchConfig::new(THREE).within(ms(5))));
    for number in 0..4 {
        sender.try_send(number).expect("there is room");
    }
    assert_eq!(batches.next().await, Some(vec![0, 1, 2]));
    let start = rt.now();
    assert_eq!(batches.next().await, Some(vec![3]));
    // Its time began when it was taken, which was then.
    assert!(rt.now() - start >= ms(4));
    let sends = rt.spawn({
        let rt = rt.clone();
        async move {
            for number in 4..20 {
                rt.yield_now().await;
                sender.try_send(number).expect("there is room");
            }
        }
    });
    let mut read = Vec::new();
    while let Some(batch) = rt.timeout(SOON, batches.next()).await.expect("it ends") {
        assert!((1..=3).contains(&batch.len()));
        read.extend(batch);
    }
    assert!(read.into_iter().eq(4..20));
    sends.await.expect("no panic");
}

async fn what_another_task_sends_is_kept_by_policy<R: Runtime>(rt: R) {
    let (sender, items) = mpsc::channel(Limit::MAX);
    let sends = rt.spawn(async move {
        for number in 0..20 {
            sender.send(number).await.expect("there is a reader");
        }
    });
    sends.await.expect("no panic");
    let mut newest = items.buffer(THREE, Overflow::DropOldest);
    let read: Vec<_> = newest.by_ref().collect().await;
    assert_eq!((read, newest.dropped()), (vec![17, 18, 19], 17));
}

async fn items_wait_for_their_rate<R: Runtime>(rt: R) {
    let limiter = RateLimiter::new(Quota::new(1, ms(2)).burst(2)).expect("a good quota");
    let start = rt.now();
    let limited = |name| stream::repeat(name).take(3).rate_limit(&rt, &limiter).boxed();
    let read: Vec<_> = stream::select(limited('a'), limited('b')).collect().await;
    assert_eq!(read.len(), 6);
    // Two at once, four at their rate.
    assert!(rt.now() - start >= ms(8));
}

async fn a_generator_is_driven_by_its_reader<R: Runtime>(rt: R) {
    let clock = rt.clone();
    let stream = generate(move |y| async move {
        for number in 0..200 {
            if number % 50 == 0 {
                clock.sleep(ms(1)).await;
            }
            futures::join!(y.emit(2 * number), y.emit(2 * number + 1));
        }
    });
    // Read in another task than the one that has made it.
    let read = rt.spawn(async move { stream.collect::<Vec<_>>().await });
    assert!(read.await.expect("no panic").into_iter().eq(0..400));
}

async fn callbacks_come_from_other_tasks_and_are_closed<R: Runtime>(rt: R) {
    let closed = Arc::new(AtomicUsize::new(0));
    let (hook, tasks) = (Arc::clone(&closed), rt.clone());
    let (ended, mut all_ended) = mpsc::channel(THREE);
    let stream = from_callback(THREE, Overflow::Wait, move |emitter: Emitter<u32>| {
        for _ in 0..3 {
            let (emitter, ended) = (emitter.clone(), ended.clone());
            // Waited for below.
            drop(tasks.spawn(async move {
                while emitter.send(1).await.is_ok() {}
                assert!(emitter.is_closed());
                ended.send(()).await.expect("it is waited for");
            }));
        }
        move || {
            hook.fetch_add(1, SeqCst);
        }
    });
    assert_eq!(stream.take(300).map(|one| one as usize).collect::<Vec<_>>().await.len(), 300);
    assert_eq!(closed.load(SeqCst), 1);
    for _ in 0..3 {
        rt.timeout(SOON, all_ended.recv()).await.expect("they see the end").expect("they say so");
    }
    assert_eq!(all_ended.recv().await, None);
}

async fn pages_are_fetched_in_order<R: Runtime>(rt: R) {
    let clock = rt.clone();
    let fetch = move |cursor: Option<u32>| {
        let rt = clock.clone();
        async move {
            rt.sleep(ms(1)).await;
            let first = cursor.unwrap_or(0);
            Ok::<_, ()>(Page { rows: (first..first + 3).collect(), next: (first < 9).then_some(first + 3) })
        }
    };
    let mut read = Box::pin(rows(fetch).prefetch());
    let mut ticks = ticker(&rt, ms(1)).build().expect("a good period");
    for expected in 0..12 {
        assert_eq!(read.next().await, Some(Ok(expected)));
        if expected == 4 {
            ticks.next().await;
        }
    }
    assert_eq!(read.next().await, None);
}
