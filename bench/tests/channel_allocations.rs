//! What channels allocate.
//!
//! The only test of its file, so that nothing else of the process allocates meanwhile.

use backstay::Limit;
use backstay::channel::{broadcast, mpsc, oneshot, watch};
use backstay_bench::allocations::{Counting, bytes, of_process};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many allocations `work` makes, and of how many bytes.
fn allocations<T>(work: impl FnOnce() -> T) -> (u64, u64, T) {
    let before = (of_process(), bytes());
    let result = work();
    (of_process() - before.0, bytes() - before.1, result)
}

/// Polls until it is ready: a budget may be spent.
fn now<F: Future>(future: F) -> F::Output {
    let (mut future, mut cx) = (pin!(future), Context::from_waker(Waker::noop()));
    for _ in 0..2 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
    panic!("it should be ready");
}

const TIMES: u64 = 10_000;

/// Values through a full channel, whose sender waits each time.
fn through_a_full_channel(sender: &mpsc::Sender<u64>, receiver: &mut mpsc::Receiver<u64>) {
    for number in 0..TIMES {
        let mut send = pin!(sender.send(number));
        let mut poll_send = || send.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        while receiver.len() < receiver.capacity() {
            sender.try_send(number).unwrap();
        }
        // Once for the budget.
        let _ = poll_send();
        assert!(poll_send().is_pending());
        now(receiver.recv()).unwrap();
        assert!(poll_send().is_ready());
        now(receiver.recv()).unwrap();
        now(poll_fn(|cx| receiver.poll_recv(cx)));
        now(sender.reserve()).unwrap().send(number).unwrap();
    }
}

#[test]
fn channels_allocate_what_they_say() {
    // A capacity costs nothing by itself.
    let (count, bytes, (sender, mut receiver)) = allocations(|| mpsc::channel::<[u64; 16]>(Limit::MAX));
    assert_eq!(count, 1);
    assert!(bytes < 1024, "{bytes} bytes");
    let (_, bytes, ()) = allocations(|| sender.try_send([0; 16]).unwrap());
    assert!(bytes < 1024, "{bytes} bytes");
    assert!(receiver.try_recv().is_ok());

    // After it has been full once, nothing for a value, whether somebody waits or not.
    let (sender, mut receiver) = mpsc::channel(Limit::new(8).unwrap());
    through_a_full_channel(&sender, &mut receiver);
    let (count, ..) = allocations(|| through_a_full_channel(&sender, &mut receiver));
    assert_eq!(count, 0);

    let (count, ..) = allocations(|| {
        for number in 0..TIMES {
            let (sender, receiver) = oneshot::channel();
            sender.send(number).unwrap();
            now(receiver).unwrap();
        }
    });
    assert_eq!(count, TIMES, "one for each");

    let (sender, mut receiver) = watch::channel(0);
    let (count, ..) = allocations(|| {
        for number in 0..TIMES {
            sender.send(number).unwrap();
            now(receiver.changed()).unwrap();
            assert_eq!((*receiver.borrow(), *sender.borrow()), (number, number));
        }
    });
    assert_eq!(count, TIMES, "one for each value");

    let (sender, mut a) = broadcast::channel(Limit::MAX);
    let mut b = sender.subscribe();
    let mut through = || {
        for number in 0..TIMES {
            sender.send(number).unwrap();
            now(a.recv()).unwrap();
            now(b.recv()).unwrap();
        }
    };
    through();
    let (count, ..) = allocations(through);
    assert_eq!(count, TIMES, "one for each value");
}
