//! Models of the mpsc channel: no wake is lost, no value either, and a place goes on to who waits for it.

use backstay_core::Limit;
use backstay_core::channel::mpsc::{self, SendError};
use loom::future::block_on;
use loom::thread;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

#[test]
fn two_senders_and_a_receiver_that_all_wait() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(Limit::ONE);
        let senders = [1, 2].map(|value| {
            let sender = sender.clone();
            thread::spawn(move || block_on(sender.send(value)).expect("there is a receiver"))
        });
        drop(sender);
        let mut sum = 0;
        while let Some(value) = block_on(receiver.recv()) {
            sum += value;
        }
        assert_eq!(sum, 3);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
    });
}

#[test]
fn s25_a_send_that_is_dropped_while_it_is_given_a_place_passes_it_on() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(Limit::ONE);
        sender.try_send(0).unwrap();
        let mut impatient = sender.send(1);
        assert!(Pin::new(&mut impatient).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let waits = {
            let sender = sender.clone();
            thread::spawn(move || block_on(sender.send(2)))
        };
        let receives = thread::spawn(move || [block_on(receiver.recv()), block_on(receiver.recv())]);
        drop(impatient);
        assert_eq!(receives.join().unwrap(), [Some(0), Some(2)]);
        assert!(matches!(waits.join().unwrap(), Ok(()) | Err(SendError(2))));
    });
}

#[test]
fn a_send_against_close_is_received_or_given_back() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(Limit::ONE);
        sender.try_send(0).unwrap();
        let sends = thread::spawn(move || {
            let sent = block_on(sender.send(1));
            block_on(sender.closed());
            sent.is_ok()
        });
        assert_eq!(receiver.try_recv(), Ok(0));
        receiver.close();
        let received = block_on(receiver.recv());
        assert_eq!(received, sends.join().unwrap().then_some(1));
    });
}

#[test]
fn a_permit_that_is_dropped_against_close_ends_the_channel() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel::<u32>(Limit::ONE);
        let permit = sender.clone().try_reserve_owned().unwrap();
        let drops = thread::spawn(move || drop(permit));
        receiver.close();
        assert_eq!(block_on(receiver.recv()), None);
        drops.join().unwrap();
        drop(sender);
    });
}

#[test]
fn the_last_sender_against_an_upgrade() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(Limit::ONE);
        let weak = sender.downgrade();
        let upgrades = thread::spawn(move || weak.upgrade().is_some_and(|sender| sender.try_send(1).is_ok()));
        drop(sender);
        let received = block_on(receiver.recv());
        assert_eq!(received.is_some(), upgrades.join().unwrap());
    });
}

#[test]
fn a_receiver_polled_by_one_task_and_then_another() {
    loom::model(|| {
        let (sender, mut receiver) = mpsc::channel(Limit::ONE);
        let mut cx = Context::from_waker(Waker::noop());
        assert_eq!(receiver.poll_recv(&mut cx), Poll::Pending);
        let sends = thread::spawn(move || block_on(sender.send(1)).unwrap());
        assert_eq!(block_on(poll_fn(|cx| receiver.poll_recv(cx))), Some(1));
        sends.join().unwrap();
    });
}
