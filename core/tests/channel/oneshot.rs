//! oneshot: every order of send, receive, close and drop.

use crate::kit::{MS, Wakes, calls_back, every_sweep, poll_once};
use backstay::test_on_every_runtime;
use backstay::testing::{Sim, Subject, Tracker, checked};
use backstay_core::Runtime;
use backstay_core::channel::oneshot::{self, Closed, TryRecvError};
use futures::executor::block_on;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Context, Poll};

#[test]
fn a_value_that_was_sent_is_received_once() {
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.send(1), Ok(()));
    assert_eq!(poll_once(&mut receiver), Poll::Ready(Ok(1)));
    assert_eq!(poll_once(&mut receiver), Poll::Ready(Err(Closed)));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn who_waits_is_woken_by_the_value_or_by_the_end_and_once() {
    for sends in [false, true] {
        let (sender, mut receiver) = oneshot::channel();
        let [old, new] = [Wakes::new(), Wakes::new()];
        assert!(old.poll(&mut receiver).is_pending());
        assert!(new.poll(&mut receiver).is_pending());
        assert!(new.poll(&mut receiver).is_pending());
        assert_eq!(Arc::strong_count(&old), 1, "the last poll's waker is the one that counts");
        if sends {
            assert_eq!(sender.send(1), Ok(()));
        } else {
            drop(sender);
        }
        assert_eq!((old.count(), new.count()), (0, 1));
        assert_eq!(new.poll(&mut receiver), Poll::Ready(if sends { Ok(1) } else { Err(Closed) }));
    }
}

#[test]
fn the_sender_is_told_that_nobody_wants_the_value() {
    for closes in [false, true] {
        let (mut sender, mut receiver) = oneshot::channel::<u32>();
        let [old, new] = [Wakes::new(), Wakes::new()];
        assert!(old.poll(&mut sender.closed()).is_pending());
        assert!(new.poll(&mut sender.closed()).is_pending());
        assert!(!sender.is_closed());
        if closes {
            receiver.close();
            receiver.close();
            assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
            assert_eq!(poll_once(&mut receiver), Poll::Ready(Err(Closed)));
        } else {
            drop(receiver);
        }
        assert_eq!((old.count(), new.count()), (0, 1));
        assert_eq!(new.poll(&mut sender.closed()), Poll::Ready(()));
        assert!(sender.is_closed());
        assert_eq!(sender.send(1), Err(1), "it is given back");
    }
}

#[test]
fn what_was_sent_before_close_can_be_received() {
    let (sender, mut receiver) = oneshot::channel();
    assert_eq!(sender.send(1), Ok(()));
    receiver.close();
    assert_eq!(block_on(receiver), Ok(1));
}

#[test]
fn a_value_is_dropped_once_wherever_it_is() {
    let tracker = Tracker::new();
    let (sender, receiver) = oneshot::channel();
    assert!(sender.send(tracker.track(())).is_ok());
    assert_eq!(tracker.alive(), 1);
    drop(receiver);
    tracker.assert_none_alive();
}

#[test]
fn no_foreign_code_runs_under_the_lock() {
    // Would deadlock if it did: the wakers and the value look at the channel.
    type Watched = Arc<Mutex<Option<oneshot::Sender<Value>>>>;
    struct Value(Watched);
    impl Drop for Value {
        fn drop(&mut self) {
            look(&self.0);
        }
    }
    fn look(sender: &Watched) {
        // Taken out first: waking may come in the middle of using it.
        let taken = sender.try_lock().ok().and_then(|mut sender| sender.take());
        if let Some(taken) = taken {
            let _ = taken.is_closed();
            *sender.lock().expect("no panic") = Some(taken);
        }
    }
    let waker = |sender: &Watched| {
        let sender = Arc::clone(sender);
        calls_back(move || look(&sender))
    };
    for sends in [false, true] {
        let (sender, mut receiver) = oneshot::channel::<Value>();
        let watched = Watched::default();
        *watched.lock().expect("no panic") = Some(sender);
        for _ in 0..2 {
            let waker = waker(&watched);
            let mut cx = Context::from_waker(&waker);
            assert!(std::pin::Pin::new(&mut receiver).poll(&mut cx).is_pending());
            let mut taken = watched.lock().expect("no panic").take().expect("not sent yet");
            assert!(taken.poll_closed(&mut cx).is_pending());
            *watched.lock().expect("no panic") = Some(taken);
        }
        if sends {
            let sender = watched.lock().expect("no panic").take().expect("not sent yet");
            assert!(sender.send(Value(Arc::clone(&watched))).is_ok());
        }
        drop(receiver);
        drop(watched.lock().expect("no panic").take());
    }
}

#[test]
fn s09_receiving_can_be_dropped_at_every_poll() {
    every_sweep(2, |rt: Sim, subject: Subject| async move {
        let (sender, mut receiver) = oneshot::channel();
        let sends = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(MS).await;
                sender.send(1)
            }
        });
        // Through `&mut`: what was not received yet can be received later.
        let first = subject.run(checked(&mut receiver)).await;
        let value = match first {
            Some(value) => value,
            None => receiver.await,
        };
        assert_eq!(value, Ok(1));
        assert_eq!(sends.await.expect("no panic"), Ok(()));
    });
}

#[test]
fn s09_a_receiver_dropped_at_any_poll_gives_the_value_back_or_has_it() {
    every_sweep(2, |rt: Sim, subject: Subject| async move {
        let (sender, receiver) = oneshot::channel();
        let sends = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(MS).await;
                sender.send(1)
            }
        });
        let received = subject.run(receiver).await;
        let sent = sends.await.expect("no panic");
        match received {
            Some(received) => assert_eq!((received, sent), (Ok(1), Ok(()))),
            // Sent just before, and dropped with the receiver; or given back.
            None => assert!(matches!(sent, Ok(()) | Err(1))),
        }
    });
}

#[test]
fn s09_closed_can_be_dropped_at_every_poll() {
    every_sweep(2, |rt: Sim, subject: Subject| async move {
        let (mut sender, receiver) = oneshot::channel::<u32>();
        let closes = rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(MS).await;
                drop(receiver);
            }
        });
        subject.run(checked(sender.closed())).await;
        sender.closed().await;
        assert_eq!(sender.send(1), Err(1));
        closes.await.expect("no panic");
    });
}

test_on_every_runtime! {
    sim only;
    a_reply_and_a_change_of_mind_cross
}

async fn a_reply_and_a_change_of_mind_cross<R: Runtime>(rt: R) {
    let (sender, receiver) = oneshot::channel();
    let replies = rt.spawn({
        let rt = rt.clone();
        async move {
            rt.sleep(MS).await;
            sender.send("a reply")
        }
    });
    let received = rt.timeout(MS, receiver).await;
    match (received, replies.await.expect("no panic")) {
        (Ok(received), sent) => assert_eq!((received, sent), (Ok("a reply"), Ok(()))),
        (Err(_), sent) => assert!(sent.is_ok() || sent == Err("a reply")),
    }
}

#[test]
fn a_deadlock_is_reported_with_what_is_waited_for() {
    let stuck = Sim::builder().run(|_: Sim| async {
        let (_sender, receiver) = oneshot::channel::<u32>();
        receiver.await
    });
    let report = stuck.expect_err("nobody sends").to_string();
    assert!(report.contains("oneshot recv"), "{report}");
}
