//! broadcast: who gets what, what lags, and who waits for whom.

use crate::kit::{MS, Wakes, calls_back, every_sweep, poll_once, poll_with};
use backstay::test_on_every_runtime;
use backstay::testing::{Sim, Subject, Tracker, checked, checked_stream};
use backstay_core::channel::broadcast::{
    self, Lag, Lagged, RecvError, SendError, TryRecvError, TrySendError,
};
use backstay_core::{Limit, Runtime};
use futures::executor::block_on;
use futures::{FutureExt, Stream, StreamExt};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::Poll;

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

/// All that is there now.
fn drain<T: Clone>(receiver: &mut broadcast::Receiver<T>) -> (Vec<T>, TryRecvError) {
    let mut values = Vec::new();
    loop {
        match receiver.try_recv() {
            Ok(value) => values.push(value),
            Err(error) => return (values, error),
        }
    }
}

#[test]
fn s24_a_slow_receiver_is_told_how_many_it_has_missed_and_goes_on() {
    let (sender, mut receiver) = broadcast::channel(limit(4));
    (0..10).for_each(|value| sender.send(value).expect("there is a receiver"));
    assert_eq!(receiver.len(), 4);
    assert_eq!(block_on(receiver.recv()), Err(RecvError::Lagged(6)));
    for value in 6..10 {
        assert_eq!(block_on(receiver.recv()), Ok(value));
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(receiver.missed(), 6);

    // As a stream it is an item.
    (0..6).for_each(|value| sender.send(value).expect("there is a receiver"));
    drop(sender);
    assert_eq!(receiver.size_hint(), (1, Some(5)));
    let items: Vec<_> = block_on(checked_stream(receiver).collect());
    assert_eq!(items, [Err(Lagged(2)), Ok(2), Ok(3), Ok(4), Ok(5)]);
}

#[test]
fn s24_where_lag_is_an_error_it_is_the_end() {
    let (sender, mut slow) = broadcast::channel_with(limit(2), Lag::Error);
    let mut fast = sender.subscribe();
    let tracker = Tracker::new();
    for value in 0..5 {
        sender.send(Arc::new(tracker.track(value))).expect("there are receivers");
        assert_eq!(**fast.try_recv().expect("it is there"), value);
    }
    assert_eq!((sender.receiver_count(), tracker.alive()), (2, 2));
    assert_eq!(slow.size_hint(), (1, Some(1)));
    assert!(!slow.is_closed() && !fast.is_closed());
    assert_eq!(fast.size_hint(), (0, None));
    assert_eq!(slow.try_recv().map(drop), Err(TryRecvError::Lagged(3)));
    assert_eq!(sender.receiver_count(), 1, "it reads no more");
    tracker.assert_none_alive();
    assert!(slow.is_closed() && slow.is_empty());
    assert_eq!(slow.size_hint(), (0, Some(0)));
    sender.send(Arc::new(tracker.track(5))).expect("there is one receiver");
    assert_eq!(block_on(slow.recv()).map(drop), Err(RecvError::Closed));
    assert_eq!(slow.missed(), 3);
    drop(slow);
    assert_eq!(sender.receiver_count(), 1);
    assert_eq!(**fast.try_recv().expect("it is there"), 5);

    // The only one.
    let (sender, mut receiver) = broadcast::channel_with(Limit::ONE, Lag::Error);
    assert_eq!((sender.send(1), sender.send(2)), (Ok(()), Ok(())));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Lagged(1)));
    assert_eq!(sender.send(3), Err(SendError(3)));
    assert_eq!(receiver.next().now_or_never(), Some(None));
}

#[test]
fn every_receiver_gets_all_that_was_sent_since_it_came() {
    let (sender, mut first) = broadcast::channel(limit(8));
    sender.send(1).expect("there is a receiver");
    let mut second = sender.subscribe();
    assert_eq!(second.try_recv(), Err(TryRecvError::Empty));
    sender.clone().send(2).expect("there are receivers");
    let mut third = second.resubscribe();
    sender.send(3).expect("there are receivers");
    assert_eq!(sender.receiver_count(), 3);
    assert!(!first.is_closed());
    drop(sender);
    assert!(first.is_closed());
    assert_eq!(drain(&mut first), (vec![1, 2, 3], TryRecvError::Closed));
    assert_eq!(drain(&mut second), (vec![2, 3], TryRecvError::Closed));
    assert_eq!(drain(&mut third), (vec![3], TryRecvError::Closed));
    assert_eq!(block_on(third.recv()), Err(RecvError::Closed));
}

#[test]
fn without_receivers_a_value_is_given_back() {
    let (sender, receiver) = broadcast::channel(limit(8));
    drop(receiver);
    assert_eq!(sender.send(1), Err(SendError(1)));
    let mut late = sender.subscribe();
    assert_eq!(sender.send(2), Ok(()));
    assert_eq!(drain(&mut late), (vec![2], TryRecvError::Empty));

    let (sender, receiver) = broadcast::waiting(limit(8));
    drop(receiver);
    assert_eq!(sender.try_send(1), Err(TrySendError::Closed(1)));
    assert_eq!(block_on(sender.send(1)), Err(SendError(1)));
    let mut late = sender.subscribe();
    assert_eq!(block_on(sender.send(2)), Ok(()));
    assert_eq!(drain(&mut late), (vec![2], TryRecvError::Empty));
    assert_eq!(format!("{sender:?}"), "WaitingSender { receivers: 1, .. }");
}

#[test]
fn everybody_who_waits_is_woken_and_nobody_else() {
    let (sender, mut a) = broadcast::channel(limit(4));
    let (mut b, mut c) = (sender.subscribe(), sender.subscribe());
    let [a_woken, b_woken, c_woken] = [Wakes::new(), Wakes::new(), Wakes::new()];
    let (mut x, mut y) = (a.recv(), b.recv());
    assert!(a_woken.poll(&mut x).is_pending() && b_woken.poll(&mut y).is_pending());
    assert!(c_woken.poll(&mut c.recv()).is_pending());
    assert_eq!(Arc::strong_count(&c_woken), 1, "it has left, and its waker with it");
    sender.send(1).expect("there are receivers");
    sender.send(2).expect("there are receivers");
    assert_eq!((a_woken.count(), b_woken.count(), c_woken.count()), (1, 1, 0));
    drop(x);
    assert_eq!(b_woken.poll(&mut y), Poll::Ready(Ok(1)));
    drop(y);
    assert_eq!(block_on(a.recv()), Ok(1), "not lost with the future that it had woken");
    assert_eq!((block_on(a.recv()), block_on(b.recv())), (Ok(2), Ok(2)));

    let (mut x, mut y) = (a.recv(), b.recv());
    assert!(a_woken.poll(&mut x).is_pending() && b_woken.poll(&mut y).is_pending());
    drop(sender.clone());
    assert_eq!((a_woken.count(), b_woken.count()), (1, 1), "a sender is left");
    drop(sender);
    assert_eq!((a_woken.count(), b_woken.count()), (2, 2));
    assert_eq!(a_woken.poll(&mut x), Poll::Ready(Err(RecvError::Closed)));
}

#[test]
fn senders_wait_for_the_slowest_and_in_line() {
    let (sender, mut fast) = broadcast::waiting(limit(2));
    let mut slow = sender.subscribe();
    assert_eq!((sender.try_send(1), sender.try_send(2)), (Ok(()), Ok(())));
    let [a_woken, b_woken] = [Wakes::new(), Wakes::new()];
    let (mut a, mut b) = (sender.send(3), sender.send(4));
    assert!(a_woken.poll(&mut a).is_pending() && b_woken.poll(&mut b).is_pending());
    assert_eq!(drain(&mut fast), (vec![1, 2], TryRecvError::Empty));
    assert_eq!((a_woken.count(), b_woken.count()), (0, 0));
    assert_eq!(slow.try_recv(), Ok(1));
    assert_eq!((a_woken.count(), b_woken.count()), (1, 0));
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "the place is promised");
    // It gives up: the place is the next one's.
    assert_eq!(a.into_inner(), Some(3));
    assert_eq!(b_woken.count(), 1);
    assert_eq!(b_woken.poll(&mut b), Poll::Ready(Ok(())));
    assert_eq!(drain(&mut slow), (vec![2, 4], TryRecvError::Empty));
    assert_eq!(drain(&mut fast), (vec![4], TryRecvError::Empty));
    assert_eq!(fast.missed(), 0);
}

#[test]
fn a_slow_receiver_that_goes_lets_the_senders_go_on() {
    let (sender, mut fast) = broadcast::waiting(limit(2));
    let slow = sender.subscribe();
    assert_eq!((sender.try_send(1), sender.try_send(2)), (Ok(()), Ok(())));
    assert_eq!(fast.try_recv(), Ok(1));
    let woken = Wakes::new();
    let mut send = sender.send(3);
    assert!(woken.poll(&mut send).is_pending());
    drop(slow);
    assert_eq!(woken.count(), 1);
    assert_eq!(woken.poll(&mut send), Poll::Ready(Ok(())));
    assert_eq!(drain(&mut fast), (vec![2, 3], TryRecvError::Empty));
}

#[test]
fn senders_that_wait_get_their_values_back_when_the_last_receiver_goes() {
    let (sender, receiver) = broadcast::waiting(Limit::ONE);
    sender.try_send(0).expect("a place");
    let woken = Wakes::new();
    let mut sends: Vec<_> = (1..4).map(|value| sender.send(value)).collect();
    assert!(sends.iter_mut().all(|send| woken.poll(send).is_pending()));
    drop(receiver);
    assert_eq!(woken.count(), 3);
    for (send, value) in sends.iter_mut().zip(1..4) {
        assert_eq!(woken.poll(send), Poll::Ready(Err(SendError(value))));
    }
    drop(sends);
    // It is as good as new.
    let mut late = sender.subscribe();
    assert_eq!(sender.try_send(5), Ok(()));
    assert_eq!(sender.try_send(6), Err(TrySendError::Full(6)));
    assert_eq!(drain(&mut late), (vec![5], TryRecvError::Empty));
}

#[test]
fn a_sender_with_a_place_sends_to_who_has_come_meanwhile() {
    let (sender, receiver) = broadcast::waiting(Limit::ONE);
    sender.try_send(0).expect("a place");
    let mut send = sender.send(1);
    assert!(poll_once(&mut send).is_pending());
    drop(receiver);
    let mut late = sender.subscribe();
    assert_eq!(poll_once(&mut send), Poll::Ready(Ok(())));
    assert_eq!(drain(&mut late), (vec![1], TryRecvError::Empty));
}

#[test]
fn the_last_reader_gets_the_value_itself() {
    struct CountsClones(Arc<std::sync::atomic::AtomicU32>);
    impl Clone for CountsClones {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Self(Arc::clone(&self.0))
        }
    }
    let clones = Arc::default();
    let (sender, mut a) = broadcast::channel(limit(4));
    let mut b = sender.subscribe();
    assert!(sender.send(CountsClones(Arc::clone(&clones))).is_ok());
    assert!(a.try_recv().is_ok());
    assert_eq!(clones.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert!(b.try_recv().is_ok());
    assert_eq!(clones.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[test]
fn values_are_dropped_as_soon_as_all_have_read_or_gone() {
    let tracker = Tracker::new();
    let (sender, mut a) = broadcast::channel(limit(3));
    let b = sender.subscribe();
    for _ in 0..5 {
        assert!(sender.send(Arc::new(tracker.track(()))).is_ok());
    }
    assert_eq!(tracker.alive(), 3);
    assert!(a.try_recv().is_err_and(|error| error == TryRecvError::Lagged(2)));
    drop(a.try_recv());
    assert_eq!(tracker.alive(), 3, "the other has not read it");
    drop(b);
    assert_eq!(tracker.alive(), 2);
    drop(a);
    tracker.assert_none_alive();
}

#[test]
fn values_may_call_back_into_the_channel() {
    // Would deadlock if one was cloned or dropped under the channel's lock.
    struct Asks(Option<broadcast::Sender<Asks>>);
    impl Asks {
        fn ask(&self) {
            let _ = self.0.as_ref().map(broadcast::Sender::receiver_count);
        }
    }
    impl Clone for Asks {
        fn clone(&self) -> Self {
            self.ask();
            Self(self.0.clone())
        }
    }
    impl Drop for Asks {
        fn drop(&mut self) {
            self.ask();
        }
    }
    for lag in [Lag::Skip, Lag::Error] {
        let (sender, mut a) = broadcast::channel_with(limit(2), lag);
        let b = sender.subscribe();
        for _ in 0..4 {
            assert!(sender.send(Asks(Some(sender.clone()))).is_ok());
        }
        assert!(a.try_recv().is_err());
        drop(a.try_recv());
        drop(block_on(a.recv()));
        drop(b);
        drop(a);
        assert!(sender.send(Asks(Some(sender.clone()))).is_err());
    }
}

#[test]
fn wakers_may_call_back_into_the_channel() {
    // Would deadlock if one was woken or dropped under the channel's lock.
    let (sender, mut a) = broadcast::waiting(Limit::ONE);
    let mut b = sender.subscribe();
    let sender = Arc::new(sender);
    let waker = || {
        let sender = Arc::downgrade(&sender);
        calls_back(move || assert!(sender.upgrade().is_none_or(|sender| sender.receiver_count() < 3)))
    };
    let mut recv = a.recv();
    for _ in 0..2 {
        assert!(!poll_with(waker(), &mut recv));
    }
    assert!(!poll_with(waker(), &mut b.recv()));
    sender.try_send(1).expect("a place");
    assert!(poll_with(waker(), &mut recv));
    drop(recv);
    let (mut send, mut next) = (sender.send(2), sender.send(3));
    for _ in 0..2 {
        assert!(!poll_with(waker(), &mut send) && !poll_with(waker(), &mut next));
    }
    assert_eq!(b.try_recv(), Ok(1));
    drop(send);
    assert!(poll_with(waker(), &mut next));
    let mut last = sender.send(4);
    assert!(!poll_with(waker(), &mut last));
    assert_eq!((block_on(a.recv()), block_on(b.recv())), (Ok(3), Ok(3)));
    assert!(poll_with(waker(), &mut last));
    assert!(!poll_with(waker(), &mut sender.send(5)));
    let mut last = sender.send(6);
    assert!(!poll_with(waker(), &mut last));
    drop((a, b));
    assert!(poll_with(waker(), &mut last));
}

#[test]
fn a_clone_that_panics_harms_nobody_else() {
    #[derive(Debug)]
    struct Panics;
    impl Clone for Panics {
        fn clone(&self) -> Self {
            resume_unwind(Box::new("a clone"));
        }
    }
    let (sender, mut a) = broadcast::waiting(Limit::ONE);
    let mut b = sender.subscribe();
    assert!(sender.try_send(Panics).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| a.try_recv().is_ok())).is_err());
    assert_eq!(a.try_recv().map(drop), Err(TryRecvError::Empty), "it counts as received");
    assert!(b.try_recv().is_ok(), "the value itself");
    assert!(sender.try_send(Panics).is_ok());
}

#[test]
fn a_channel_of_any_capacity_works() {
    assert!(Limit::new(0).is_err());
    for capacity in [Limit::ONE, Limit::MAX] {
        let (sender, mut receiver) = broadcast::channel(capacity);
        assert_eq!((sender.capacity(), sender.send(1)), (capacity.get(), Ok(())));
        assert_eq!(receiver.try_recv(), Ok(1));
        let (sender, mut receiver) = broadcast::waiting(capacity);
        assert_eq!((sender.capacity(), sender.try_send(1)), (capacity.get(), Ok(())));
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(sender.same_channel(&sender.clone()));
    }
}

#[test]
fn s13_values_yield_after_their_budget() {
    let woken = Wakes::new();
    let budget = usize::from(broadcast::Receiver::<u32>::READY_BUDGET);
    let (sender, mut receiver) = broadcast::waiting(Limit::MAX);
    let sent = (0..1_000).take_while(|_| woken.poll(&mut sender.send(1)).is_ready()).count();
    assert_eq!((sent, woken.count()), (budget, 1));
    assert!(woken.poll(&mut sender.send(1)).is_ready());
    (0..1_000).for_each(|value| sender.try_send(value).expect("a place"));
    let received = (0..1_000).take_while(|_| woken.poll(&mut receiver.recv()).is_ready()).count();
    assert_eq!((received, woken.count()), (budget, 2));
    assert!(woken.poll(&mut receiver.recv()).is_ready());
    assert_eq!(broadcast::WaitingSender::<u32>::READY_BUDGET, broadcast::Receiver::<u32>::READY_BUDGET);
}

#[test]
fn s29_as_a_stream_it_keeps_the_contract() {
    let (sender, a) = broadcast::waiting(limit(3));
    let b = a.resubscribe();
    let sends = async move {
        for value in 0..500 {
            checked(sender.send(value)).await.expect("there are receivers");
        }
    };
    let all: Vec<_> = (0..500).map(Ok).collect();
    let (_, a, b) = block_on(futures::future::join3(
        sends,
        checked_stream(a).collect::<Vec<_>>(),
        checked_stream(b).collect::<Vec<_>>(),
    ));
    assert!(a == all && b == all);
}

test_on_every_runtime! {
    sim only;
    whoever_keeps_up_gets_all_and_whoever_does_not_is_told
    with_waiting_senders_nobody_misses_anything
}

async fn whoever_keeps_up_gets_all_and_whoever_does_not_is_told<R: Runtime>(rt: R) {
    let (sender, receiver) = broadcast::channel(limit(4));
    let readers: Vec<_> = (0..3_u32)
        .map(|slowness| {
            let (rt, mut receiver) = (rt.clone(), receiver.resubscribe());
            rt.clone().spawn(async move {
                let (mut next, mut missed) = (0_u64, 0);
                loop {
                    match receiver.recv().await {
                        Ok(value) => {
                            assert_eq!(value, next, "in order, and none missed silently");
                            next += 1;
                        }
                        Err(RecvError::Lagged(lagged)) => {
                            next += lagged;
                            missed += lagged;
                        }
                        Err(RecvError::Closed) => {
                            assert_eq!((next, receiver.missed()), (40, missed));
                            return missed;
                        }
                    }
                    rt.sleep(MS * slowness).await;
                }
            })
        })
        .collect();
    drop(receiver);
    for value in 0..40 {
        sender.send(value).expect("there are receivers");
        rt.sleep(MS / 2).await;
    }
    drop(sender);
    for reader in readers {
        reader.await.expect("no panic");
    }
}

async fn with_waiting_senders_nobody_misses_anything<R: Runtime>(rt: R) {
    let (sender, receiver) = broadcast::waiting(limit(2));
    let readers: Vec<_> = (0..3_u32)
        .map(|slowness| {
            let (rt, mut receiver) = (rt.clone(), receiver.resubscribe());
            rt.clone().spawn(async move {
                let mut values: Vec<(u32, u32)> = Vec::new();
                while let Some(value) = receiver.next().await {
                    values.push(value.expect("nobody misses any"));
                    rt.sleep(MS * slowness).await;
                }
                values
            })
        })
        .collect();
    drop(receiver);
    let senders: Vec<_> = (0..2)
        .map(|id| {
            let (rt, sender) = (rt.clone(), sender.clone());
            rt.clone().spawn(async move {
                for number in 0..8 {
                    let mut send = sender.send((id, number));
                    // Impatient ones give up, keep the value, and try again.
                    while rt.timeout(MS, &mut send).await.is_err() {
                        send = sender.send(send.into_inner().expect("not sent"));
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let mut all = Vec::new();
    for reader in readers {
        all.push(reader.await.expect("no panic"));
    }
    assert!(all[0] == all[1] && all[1] == all[2], "all in the same order");
    for id in 0..2 {
        assert!(all[0].iter().filter(|value| value.0 == id).map(|value| value.1).eq(0..8));
    }
    for sender in senders {
        sender.await.expect("no panic");
    }
}

#[test]
fn s09_recv_can_be_dropped_at_every_poll() {
    every_sweep(4, |rt: Sim, subject: Subject| async move {
        let (sender, mut receiver) = broadcast::waiting(limit(2));
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
        let receives = async {
            for _ in 0..5 {
                received.push(checked(receiver.recv()).await.expect("there is a sender"));
            }
        };
        subject.run(receives).await;
        while let Ok(number) = receiver.recv().await {
            received.push(number);
        }
        sends.await.expect("no panic");
        assert_eq!(received, [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}

#[test]
fn s09_send_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt: Sim, subject: Subject| async move {
        let (sender, mut receiver) = broadcast::waiting(Limit::ONE);
        let other = rt.spawn({
            let sender = sender.clone();
            async move {
                for number in 0..4 {
                    sender.send((1, number)).await.expect("there is a receiver");
                }
            }
        });
        let receives = rt.spawn({
            let rt = rt.clone();
            async move {
                let mut received = Vec::new();
                while let Ok(value) = receiver.recv().await {
                    received.push(value);
                    rt.sleep(MS).await;
                }
                received
            }
        });
        let sends = async move {
            for number in 0..4 {
                sender.send((0, number)).await.expect("there is a receiver");
            }
        };
        let ended = subject.run(sends).await.is_some();
        other.await.expect("no panic");
        let received = receives.await.expect("no panic");
        let of = |id| received.iter().filter(move |value| value.0 == id).map(|value| value.1);
        assert!(of(1).eq(0..4));
        assert!(of(0).eq(0..of(0).count()) && (of(0).count() == 4 || !ended));
    });
}

#[test]
fn s09_a_receiver_can_be_dropped_at_every_poll() {
    every_sweep(3, |rt: Sim, subject: Subject| async move {
        let (sender, receiver) = broadcast::waiting(Limit::ONE);
        let mut other = receiver.resubscribe();
        let reads = rt.spawn(async move {
            let mut values = Vec::new();
            while let Ok(value) = other.recv().await {
                values.push(value);
            }
            values
        });
        let slow = {
            let rt = rt.clone();
            async move {
                let mut receiver = receiver;
                while receiver.recv().await.is_ok() {
                    rt.sleep(MS).await;
                }
            }
        };
        let sends = rt.spawn(async move {
            for number in 0..5 {
                sender.send(number).await.expect("there is a receiver");
            }
        });
        subject.run(slow).await;
        sends.await.expect("no panic");
        assert_eq!(reads.await.expect("no panic"), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn a_deadlock_is_reported_with_what_is_waited_for() {
    let stuck = Sim::builder().run(|_: Sim| async {
        let (sender, _receiver) = broadcast::waiting(Limit::ONE);
        sender.send(1).await.expect("there is a receiver");
        sender.send(2).await
    });
    let report = stuck.expect_err("nobody receives").to_string();
    assert!(report.contains("broadcast send, 1/1 kept, 1 receivers"), "{report}");
    let stuck = Sim::builder().run(|_: Sim| async {
        let (_sender, mut receiver) = broadcast::channel::<u32>(limit(4));
        receiver.recv().await
    });
    let report = stuck.expect_err("nobody sends").to_string();
    assert!(report.contains("broadcast recv, 0/4 kept, 1 receivers"), "{report}");
}
