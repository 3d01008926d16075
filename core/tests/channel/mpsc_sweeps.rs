//! Every operation of mpsc, cut off before each of its polls.

use crate::kit::{MS, every_sweep};
use backstay::testing::{Sim, Subject};
use backstay_core::Runtime;
use backstay_core::channel::mpsc;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// What the subject sends.
const SUBJECT: u32 = 0;

/// A slow receiver, the subject, and two others that send in the meantime. Whatever becomes of the subject, all that
/// the others send arrives, once and in order, of the subject's values a first part; then all places are free, and
/// the channel ends.
async fn among_others<F, T>(
    rt: Sim,
    subject: Subject,
    operation: impl FnOnce(Sim, mpsc::Sender<(u32, u32)>) -> F,
) where
    F: Future<Output = T>,
{
    let (sender, mut receiver) = mpsc::channel(TWO);
    let others = [1, 2].map(|id| {
        let (sender, rt) = (sender.clone(), rt.clone());
        rt.clone().spawn(async move {
            for number in 0..4 {
                sender.send((id, number)).await.expect("there is a receiver");
                rt.yield_now().await;
            }
        })
    });
    let received = rt.spawn({
        let rt = rt.clone();
        async move {
            let mut received = BTreeMap::<_, Vec<_>>::new();
            while let Some((id, number)) = receiver.recv().await {
                received.entry(id).or_default().push(number);
                rt.sleep(MS).await;
            }
            received
        }
    });
    let ended = subject.run(operation(rt, sender.clone())).await.is_some();
    for other in others {
        other.await.expect("no panic");
    }
    drop(sender.reserve_many(TWO).await.expect("there is a receiver"));
    // The subject's sender is gone too: the receiver sees the end.
    drop(sender);
    let mut received = received.await.expect("no panic");
    let own = received.remove(&SUBJECT).unwrap_or_default();
    assert!(own.iter().copied().eq(0..own.len() as u32), "{own:?}");
    assert!(own.len() == 4 || !ended, "{own:?}");
    assert!(received.into_values().eq([[0, 1, 2, 3], [0, 1, 2, 3]]));
}

#[test]
fn s09_send_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt, subject| {
        among_others(rt, subject, |_, sender| async move {
            for number in 0..4 {
                sender.send((SUBJECT, number)).await.expect("there is a receiver");
            }
        })
    });
}

#[test]
fn s09_reserve_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt, subject| {
        among_others(rt, subject, |rt, sender| async move {
            for number in 0..4 {
                let permit = sender.reserve().await.expect("there is a receiver");
                rt.yield_now().await; // dropped here, it gives its permit back
                permit.send((SUBJECT, number)).expect("there is a receiver");
            }
        })
    });
}

#[test]
fn s09_reserve_owned_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt, subject| {
        among_others(rt, subject, |rt, mut sender| async move {
            for number in 0..4 {
                let permit = sender.reserve_owned().await.expect("there is a receiver");
                rt.yield_now().await;
                sender = permit.send((SUBJECT, number)).expect("there is a receiver");
            }
        })
    });
}

#[test]
fn s09_reserve_many_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt, subject| {
        among_others(rt, subject, |rt, sender| async move {
            for first in [0, 2] {
                let permits = sender.reserve_many(TWO).await.expect("there is a receiver");
                for (permit, number) in permits.zip(first..first + 2) {
                    rt.yield_now().await;
                    permit.send((SUBJECT, number)).expect("there is a receiver");
                }
            }
        })
    });
}

/// Values are sent slowly, the subject receives some, and after it somebody else the rest: none is lost.
async fn then_the_rest<F: AsyncFnOnce(&mut mpsc::Receiver<u32>, &mut Vec<u32>)>(
    rt: Sim,
    subject: Subject,
    operation: F,
) {
    let (sender, mut receiver) = mpsc::channel(TWO);
    let sends = rt.spawn({
        let rt = rt.clone();
        async move {
            for number in 0..8 {
                rt.sleep(MS * (number % 3)).await;
                sender.send(number).await.expect("there is a receiver");
            }
        }
    });
    let mut received = Vec::new();
    subject.run(operation(&mut receiver, &mut received)).await;
    while let Some(number) = receiver.recv().await {
        received.push(number);
    }
    sends.await.expect("no panic");
    assert_eq!(received, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn s09_recv_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt, subject| {
        then_the_rest(rt, subject, async |receiver, received| {
            for _ in 0..5 {
                received.extend(receiver.recv().await);
            }
        })
    });
}

#[test]
fn s09_recv_many_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt, subject| {
        then_the_rest(rt, subject, async |receiver, received| {
            for _ in 0..3 {
                receiver.recv_many(received, TWO).await;
            }
        })
    });
}

#[test]
fn s09_closed_can_be_dropped_at_every_poll() {
    every_sweep(1, |rt, subject| async move {
        let (sender, receiver) = mpsc::channel::<u32>(TWO);
        let closes = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(MS).await;
                drop(receiver);
            }
        });
        subject.run(sender.closed()).await;
        sender.closed().await;
        closes.await.expect("no panic");
    });
}
