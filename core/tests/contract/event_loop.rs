//! A loop over several sources as a task: with channels, tickers, and a token.

use crate::kit::{SOON, ms};
use backstay::test_on_every_runtime;
use backstay_core::select::{EventLoop, LoopEnd};
use backstay_core::task::{CancelReason, CancelToken};
use backstay_core::{Runtime, select};
use futures::StreamExt;
use futures::channel::mpsc;
use futures::stream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

test_on_every_runtime! {
    s12_a_loop_ends_with_the_last_of_its_channels
    s13_at_most_one_item_comes_after_a_cancel
    s13_a_busy_loop_lets_others_have_their_turn
    a_loop_has_tickers_and_a_deadline
}

async fn s12_a_loop_ends_with_the_last_of_its_channels<R: Runtime>(rt: R) {
    let (numbers, some_numbers) = mpsc::unbounded();
    let (letters, some_letters) = mpsc::unbounded();
    let sum = Arc::new(AtomicU32::new(0));
    let add = |sum: &Arc<AtomicU32>| {
        let (sum, rt) = (Arc::clone(sum), rt.clone());
        move |number: u32| {
            let (sum, rt) = (Arc::clone(&sum), rt.clone());
            async move {
                rt.yield_now().await;
                sum.fetch_add(number, SeqCst);
            }
        }
    };
    let events = EventLoop::new(&rt, CancelToken::new())
        .on(some_numbers, add(&sum))
        .on(some_letters.map(|_: char| 1_000), add(&sum));
    let running = rt.spawn(events.run());
    for number in 0..10 {
        numbers.unbounded_send(number).expect("it is received");
        letters.unbounded_send('a').expect("it is received");
        rt.yield_now().await;
    }
    drop(numbers);
    rt.sleep(ms(1)).await;
    letters.unbounded_send('z').expect("it is received");
    drop(letters);
    let end = rt.timeout(SOON, running).await.expect("it ends").expect("no panic");
    assert_eq!((end, sum.load(SeqCst)), (LoopEnd::Exhausted, 11_045));
}

async fn s13_at_most_one_item_comes_after_a_cancel<R: Runtime>(rt: R) {
    let token = CancelToken::new();
    let after = Arc::new(AtomicU32::new(0));
    let events = EventLoop::new(&rt, token.clone()).on(stream::repeat(()), {
        let (token, after) = (token.clone(), Arc::clone(&after));
        move |()| {
            after.fetch_add(u32::from(token.is_cancelled()), SeqCst);
            std::future::ready(())
        }
    });
    let running = rt.spawn(events.run());
    rt.yield_now().await;
    token.cancel();
    let end = rt.timeout(SOON, running).await.expect("it ends").expect("no panic");
    assert_eq!(end, LoopEnd::Cancelled(CancelReason::Explicit));
    assert!(after.load(SeqCst) <= 1, "{after:?}");
}

async fn s13_a_busy_loop_lets_others_have_their_turn<R: Runtime>(rt: R) {
    // Turns, and no time: until virtual time moves beside a loop that yields, it takes many turns.
    let stop = async {
        for _ in 0..3 {
            rt.yield_now().await;
        }
    };
    let busy = EventLoop::new(&rt, CancelToken::new()).on(stream::repeat(()), async |()| ()).run();
    assert!(matches!(select::select2(busy, stop).await, select::OneOf2::Second(())));
}

async fn a_loop_has_tickers_and_a_deadline<R: Runtime>(rt: R) {
    let start = rt.now();
    let token = CancelToken::with_deadline(&rt, start + ms(15));
    let ticks = Arc::new(AtomicU32::new(0));
    let events = EventLoop::new(&rt, token).every(ms(5), |tick| {
        assert!(tick.scheduled >= start);
        ticks.fetch_add(1, SeqCst);
        rt.yield_now()
    });
    let end = events.expect("a good period").run().await;
    assert_eq!(end, LoopEnd::Cancelled(CancelReason::Deadline));
    assert!(rt.now() - start >= ms(15), "not early");
    // At 0, 5 and 10 ms or later; one more where the machine pauses between a look at the token and at the clock.
    assert!(ticks.load(SeqCst) <= 4, "{ticks:?}");
}
