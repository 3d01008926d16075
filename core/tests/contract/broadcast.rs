//! broadcast on every runtime: everybody gets everything, or is told; or the sender waits.

use crate::kit::{drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::channel::broadcast::{self, Lagged, RecvError};
use backstay_core::time::Elapsed;
use backstay_core::{Limit, Runtime};
use futures::StreamExt;

// Few seeds: simulated time moves on only after a thousand yields.
test_on_every_runtime! {
    with (seeds = 2);
    s13_a_busy_channel_does_not_starve_a_timeout_around_it
}

test_on_every_runtime! {
    s24_a_slow_receiver_is_told_what_it_has_missed
    with_waiting_senders_everybody_gets_everything
    nothing_is_lost_at_any_poll
}

async fn s13_a_busy_channel_does_not_starve_a_timeout_around_it<R: Runtime>(rt: R) {
    let (sender, mut receiver) = broadcast::channel(Limit::ONE);
    let busy = async {
        loop {
            sender.send(()).expect("there is a receiver");
            receiver.recv().await.expect("it was sent");
        }
    };
    assert_eq!(rt.timeout(ms(2), busy).await, Err::<(), _>(Elapsed));
}

async fn s24_a_slow_receiver_is_told_what_it_has_missed<R: Runtime>(rt: R) {
    let (sender, mut slow) = broadcast::channel(Limit::new(4).expect("not zero"));
    let fast = sender.subscribe();
    let reads = rt.spawn(async move { fast.collect::<Vec<_>>().await });
    for value in 0..10 {
        sender.send(value).expect("there are receivers");
    }
    assert_eq!(slow.recv().await, Err(RecvError::Lagged(6)));
    for value in 6..10 {
        assert_eq!(slow.recv().await, Ok(value));
    }
    drop(sender);
    assert_eq!(slow.recv().await, Err(RecvError::Closed));
    // Whatever the other has missed, it was told.
    let mut next = 0;
    for item in reads.await.expect("no panic") {
        match item {
            Ok(value) => {
                assert_eq!(value, next);
                next += 1;
            }
            Err(Lagged(missed)) => next += missed,
        }
    }
    assert_eq!(next, 10);
}

async fn with_waiting_senders_everybody_gets_everything<R: Runtime>(rt: R) {
    let (sender, receiver) = broadcast::waiting(Limit::ONE);
    let readers = [receiver.resubscribe(), receiver.resubscribe(), receiver].map(|receiver| {
        rt.spawn(async move { receiver.map(|value| value.expect("none missed")).collect().await })
    });
    for value in 0..100 {
        sender.send(value).await.expect("there are receivers");
    }
    drop(sender);
    for reader in readers {
        let values: Vec<u32> = reader.await.expect("no panic");
        assert!(values.into_iter().eq(0..100));
    }
}

async fn nothing_is_lost_at_any_poll<R: Runtime>(rt: R) {
    for polls in 0..4 {
        let (sender, mut receiver) = broadcast::channel(Limit::ONE);
        let sends = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(ms(1)).await;
                sender.send(1)
            }
        });
        let received = match drop_after(&rt, polls, receiver.recv()).await {
            Some(received) => received,
            None => receiver.recv().await,
        };
        assert_eq!(received, Ok(1));
        sends.await.expect("no panic").expect("there is a receiver");
    }
}
