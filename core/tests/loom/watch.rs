//! Models of the watch channel: no change is missed.

use backstay_core::channel::watch;
use loom::future::block_on;
use loom::thread;

#[test]
fn send_against_changed() {
    loom::model(|| {
        let (sender, mut receiver) = watch::channel(0);
        let sends = thread::spawn(move || {
            sender.send(1).unwrap();
            sender.send(2).unwrap();
        });
        while *receiver.borrow() != 2 {
            block_on(receiver.changed()).unwrap();
        }
        sends.join().unwrap();
        // One change may be untold yet; then the end.
        let _ = block_on(receiver.changed());
        assert!(block_on(receiver.changed()).is_err());
    });
}

#[test]
fn two_that_wait_for_the_same_value() {
    loom::model(|| {
        let (sender, receiver) = watch::channel(0);
        let waits = [receiver.clone(), receiver].map(|mut receiver| {
            thread::spawn(move || *block_on(receiver.wait_for(|value| *value == 1)).unwrap())
        });
        sender.send_replace(1);
        for wait in waits {
            assert_eq!(wait.join().unwrap(), 1);
        }
    });
}

#[test]
fn two_modifications_at_once() {
    loom::model(|| {
        let (sender, receiver) = watch::channel(0);
        let other = sender.clone();
        let modifies = thread::spawn(move || other.send_modify(|value| *value += 1));
        sender.send_modify(|value| *value += 1);
        modifies.join().unwrap();
        assert_eq!(*receiver.borrow(), 2);
    });
}

#[test]
fn closed_against_the_last_receivers_drop_and_a_subscription() {
    loom::model(|| {
        let (sender, receiver) = watch::channel(0);
        let other = sender.clone();
        let subscribes = thread::spawn(move || drop(other.subscribe()));
        let drops = thread::spawn(move || drop(receiver));
        block_on(sender.closed());
        subscribes.join().unwrap();
        drops.join().unwrap();
        assert!(sender.is_closed());
    });
}
