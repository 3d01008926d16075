//! Notify between tasks that really run at the same time.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::sync::Notify;
use backstay_core::{JoinHandle, Runtime};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

test_on_every_runtime! {
    each_item_of_a_queue_is_told
    s25_aborted_waiters_pass_it_on
    looking_after_enable_misses_nothing
}

async fn each_item_of_a_queue_is_told<R: Runtime>(rt: R) {
    const ITEMS: usize = 100;
    let queue = Arc::new((Notify::new(), AtomicUsize::new(0)));
    let consumer = rt.spawn({
        let queue = Arc::clone(&queue);
        async move {
            let mut taken = 0;
            while taken < ITEMS {
                match queue.1.swap(0, SeqCst) {
                    0 => queue.0.notified().await,
                    some => taken += some,
                }
            }
        }
    });
    let producers = [(); 2].map(|()| {
        let (rt, queue) = (rt.clone(), Arc::clone(&queue));
        rt.clone().spawn(async move {
            for _ in 0..ITEMS / 2 {
                queue.1.fetch_add(1, SeqCst);
                queue.0.notify_one();
                rt.yield_now().await;
            }
        })
    });
    rt.timeout(SOON, consumer).await.expect("no item is missed").expect("no panic");
    for producer in producers {
        producer.await.expect("no panic");
    }
}

async fn s25_aborted_waiters_pass_it_on<R: Runtime>(rt: R) {
    let (notify, seen) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let [gives_up, stays] = [1, 0].map(|sees| {
        let (notify, seen) = (Arc::clone(&notify), Arc::clone(&seen));
        rt.spawn(async move {
            notify.notified().await;
            seen.fetch_add(sees, SeqCst);
        })
    });
    rt.sleep(ms(2)).await;
    notify.notify_one();
    gives_up.abort();
    // A task that ends as it is aborted may give either.
    let _ = gives_up.await;
    if seen.load(SeqCst) > 0 {
        // It had seen it by then.
        notify.notify_one();
    }
    rt.timeout(SOON, stays).await.expect("it is notified").expect("no panic");
}

async fn looking_after_enable_misses_nothing<R: Runtime>(rt: R) {
    const ROUNDS: usize = 50;
    let gate = Arc::new((Notify::new(), AtomicUsize::new(0)));
    let waits = [(); 3].map(|()| {
        let gate = Arc::clone(&gate);
        rt.spawn(async move {
            loop {
                let mut notified = gate.0.notified();
                notified.enable();
                if gate.1.load(SeqCst) == ROUNDS {
                    return;
                }
                notified.await;
            }
        })
    });
    for _ in 0..ROUNDS {
        gate.1.fetch_add(1, SeqCst);
        gate.0.notify_all();
        rt.yield_now().await;
    }
    for task in waits {
        rt.timeout(SOON, task).await.expect("the last one is not missed").expect("no panic");
    }
}
