//! watch on every runtime: the latest value, no change missed, the end.

use crate::kit::{drop_after, ms};
use backstay::test_on_every_runtime;
use backstay_core::Runtime;
use backstay_core::channel::watch;
use backstay_core::time::Elapsed;

test_on_every_runtime! {
    everybody_sees_the_last_value
    a_change_is_not_missed_at_any_poll
    closed_is_when_the_last_receiver_has_gone
}

// Few seeds: simulated time moves on only after a thousand yields.
test_on_every_runtime! {
    with (seeds = 2);
    s13_a_busy_channel_does_not_starve_a_timeout_around_it
}

async fn s13_a_busy_channel_does_not_starve_a_timeout_around_it<R: Runtime>(rt: R) {
    let (sender, mut receiver) = watch::channel(0);
    let busy = async {
        loop {
            sender.send_modify(|value| *value += 1);
            receiver.changed().await.expect("there is a sender");
        }
    };
    assert_eq!(rt.timeout(ms(2), busy).await, Err::<(), _>(Elapsed));
}

async fn everybody_sees_the_last_value<R: Runtime>(rt: R) {
    let (sender, receiver) = watch::channel(0);
    let watchers = [receiver.clone(), receiver].map(|mut receiver| {
        rt.spawn(async move {
            while receiver.changed().await.is_ok() {}
            *receiver.borrow()
        })
    });
    for value in 1..=100 {
        sender.send(value).expect("there are receivers");
        rt.yield_now().await;
    }
    drop(sender);
    for watcher in watchers {
        assert_eq!(watcher.await.expect("no panic"), 100);
    }
}

async fn a_change_is_not_missed_at_any_poll<R: Runtime>(rt: R) {
    for polls in 0..4 {
        let (sender, mut receiver) = watch::channel(0);
        let sends = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(ms(1)).await;
                sender.send(1)
            }
        });
        if drop_after(&rt, polls, receiver.changed()).await.is_none() {
            receiver.changed().await.expect("it was sent");
        }
        assert_eq!(*receiver.borrow(), 1);
        sends.await.expect("no panic").expect("there is a receiver");
    }
}

async fn closed_is_when_the_last_receiver_has_gone<R: Runtime>(rt: R) {
    let (sender, mut receiver) = watch::channel(0);
    let watches =
        rt.spawn(async move { receiver.wait_for(|value| *value == 2).await.map(|value| *value).ok() });
    for value in 1..=2 {
        sender.send_replace(value);
    }
    sender.closed().await;
    assert_eq!(watches.await.expect("no panic"), Some(2));
}
