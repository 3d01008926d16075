//! Models of the oneshot channel.

use backstay_core::channel::oneshot::{self, Closed};
use loom::future::block_on;
use loom::thread;

#[test]
fn send_against_receive() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel();
        let sends = thread::spawn(move || sender.send(1));
        assert_eq!(block_on(receiver), Ok(1));
        assert_eq!(sends.join().unwrap(), Ok(()));
    });
}

#[test]
fn the_senders_drop_against_receive() {
    loom::model(|| {
        let (sender, receiver) = oneshot::channel::<u32>();
        let drops = thread::spawn(move || drop(sender));
        assert_eq!(block_on(receiver), Err(Closed));
        drops.join().unwrap();
    });
}

#[test]
fn send_against_close_is_received_or_given_back() {
    loom::model(|| {
        let (sender, mut receiver) = oneshot::channel();
        let sends = thread::spawn(move || sender.send(1));
        receiver.close();
        let received = block_on(receiver);
        match sends.join().unwrap() {
            Ok(()) => assert_eq!(received, Ok(1)),
            Err(value) => assert_eq!((value, received), (1, Err(Closed))),
        }
    });
}

#[test]
fn closed_against_the_receivers_drop() {
    loom::model(|| {
        let (mut sender, receiver) = oneshot::channel::<u32>();
        let drops = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        assert_eq!(sender.send(1), Err(1));
        drops.join().unwrap();
    });
}
