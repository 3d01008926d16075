//! Models of the broadcast channel: no value and no wake is lost.

use backstay_core::Limit;
use backstay_core::channel::broadcast::{self, RecvError, SendError};
use loom::future::block_on;
use loom::thread;

#[test]
fn two_receivers_that_wait() {
    loom::model(|| {
        let (sender, receiver) = broadcast::channel(Limit::MAX);
        let receives = [sender.subscribe(), receiver].map(|mut receiver| {
            thread::spawn(move || {
                assert_eq!(block_on(receiver.recv()), Ok(1));
                assert_eq!(block_on(receiver.recv()), Err(RecvError::Closed));
            })
        });
        sender.send(1).unwrap();
        drop(sender);
        receives.into_iter().for_each(|receives| receives.join().unwrap());
    });
}

#[test]
fn a_receiver_that_is_overrun_knows_what_it_has_missed() {
    loom::model(|| {
        let (sender, mut receiver) = broadcast::channel(Limit::ONE);
        let sends = thread::spawn(move || (0..3).for_each(|value| sender.send(value).unwrap()));
        let mut next = 0;
        loop {
            match block_on(receiver.recv()) {
                Ok(value) => {
                    assert_eq!(value, next);
                    next += 1;
                }
                Err(RecvError::Lagged(missed)) => next += missed,
                Err(RecvError::Closed) => break,
            }
        }
        assert_eq!(next, 3);
        sends.join().unwrap();
    });
}

#[test]
fn a_sender_that_waits_for_the_slowest() {
    loom::model(|| {
        let (sender, mut fast) = broadcast::waiting(Limit::ONE);
        let slow = sender.subscribe();
        sender.try_send(1).unwrap();
        let goes = thread::spawn(move || drop(slow));
        let reads = thread::spawn(move || [block_on(fast.recv()), block_on(fast.recv())]);
        block_on(sender.send(2)).unwrap();
        assert_eq!(reads.join().unwrap(), [Ok(1), Ok(2)]);
        goes.join().unwrap();
    });
}

#[test]
fn a_sender_that_waits_when_the_last_receiver_goes() {
    loom::model(|| {
        let (sender, receiver) = broadcast::waiting(Limit::ONE);
        sender.try_send(1).unwrap();
        let other = sender.clone();
        let sends = thread::spawn(move || block_on(other.send(2)));
        let goes = thread::spawn(move || drop(receiver));
        assert_eq!(block_on(sender.send(3)), Err(SendError(3)));
        assert_eq!(sends.join().unwrap(), Err(SendError(2)));
        goes.join().unwrap();
    });
}
