//! mpsc on every runtime: order, cancelled sends, permits, budgets, the end.

use crate::kit::{drop_after, ms, poll_once};
use backstay::test_on_every_runtime;
use backstay_core::channel::mpsc::{self, Overflow, TrySendError};
use backstay_core::time::Elapsed;
use backstay_core::{Limit, Runtime};
use futures::StreamExt;
use std::pin::pin;

test_on_every_runtime! {
    s10_a_send_that_timed_out_has_its_value_still
    s25_a_place_goes_on_when_who_waits_for_it_gives_up
    values_come_in_order_and_then_the_end
    nothing_is_lost_at_any_poll
}

// Few seeds: simulated time moves on only after a thousand yields.
test_on_every_runtime! {
    with (seeds = 2);
    s13_a_busy_channel_does_not_starve_a_timeout_around_it
}

async fn s10_a_send_that_timed_out_has_its_value_still<R: Runtime>(rt: R) {
    let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    sender.send(1).await.expect("there is a receiver");
    let mut second = sender.send(2);
    assert_eq!(rt.timeout(ms(1), &mut second).await, Err(Elapsed));
    assert_eq!(second.into_inner(), Some(2));
    assert_eq!((receiver.recv().await, receiver.len()), (Some(1), 0));
    assert_eq!(sender.try_send(3), Ok(()));
    assert_eq!(sender.try_send(4), Err(TrySendError::Full(4)));
}

async fn s13_a_busy_channel_does_not_starve_a_timeout_around_it<R: Runtime>(rt: R) {
    let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    let receives = async {
        loop {
            sender.try_send(()).expect("a place");
            receiver.recv().await.expect("it was sent");
        }
    };
    assert_eq!(rt.timeout(ms(2), receives).await, Err::<(), _>(Elapsed));
    let (sender, _receiver) = mpsc::channel_with(Limit::ONE, Overflow::DropOldest);
    let sends = async {
        loop {
            sender.send(()).await.expect("there is a receiver");
        }
    };
    assert_eq!(rt.timeout(ms(2), sends).await, Err::<(), _>(Elapsed));
}

async fn s25_a_place_goes_on_when_who_waits_for_it_gives_up<R: Runtime>(rt: R) {
    let (sender, mut receiver) = mpsc::channel(Limit::ONE);
    sender.send(0).await.expect("there is a receiver");
    let mut gives_up = Box::pin(sender.reserve());
    assert!(poll_once(gives_up.as_mut()).is_pending());
    let waits = rt.spawn({
        let sender = sender.clone();
        async move { sender.send(1).await }
    });
    rt.sleep(ms(1)).await;
    assert_eq!(receiver.recv().await, Some(0));
    drop(gives_up); // it was given the place
    assert_eq!(receiver.recv().await, Some(1));
    waits.await.expect("no panic").expect("there is a receiver");
}

async fn values_come_in_order_and_then_the_end<R: Runtime>(rt: R) {
    let (sender, receiver) = mpsc::channel(Limit::ONE);
    let senders = [0, 1, 2].map(|id| {
        let sender = sender.clone();
        rt.spawn(async move {
            for number in 0..50 {
                sender.reserve().await.expect("there is a receiver").send((id, number)).expect("the same");
            }
        })
    });
    drop(sender);
    let values: Vec<(usize, u32)> = receiver.collect().await;
    for id in 0..3 {
        assert!(values.iter().filter(|value| value.0 == id).map(|value| value.1).eq(0..50));
    }
    for sender in senders {
        sender.await.expect("no panic");
    }
}

async fn nothing_is_lost_at_any_poll<R: Runtime>(rt: R) {
    for polls in 0..4 {
        let (sender, mut receiver) = mpsc::channel(Limit::ONE);
        let sends = rt.spawn({
            let (rt, sender) = (rt.clone(), sender.clone());
            async move {
                rt.sleep(ms(1)).await;
                sender.send(1).await
            }
        });
        let first = drop_after(&rt, polls, receiver.recv()).await;
        sends.await.expect("no panic").expect("there is a receiver");
        // Received already, or still there for whoever receives next.
        let second = drop_after(&rt, 1, receiver.recv()).await;
        assert_eq!(first.or(second), Some(Some(1)));

        sender.try_send(2).expect("a place");
        assert!(drop_after(&rt, polls, sender.reserve()).await.is_none());
        assert_eq!(receiver.recv().await, Some(2));
        assert!(poll_once(pin!(sender.reserve())).is_ready(), "the place is free");
    }
}
