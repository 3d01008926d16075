//! No waker is cloned, woken or dropped while a lock is held.

use crate::lock_probe::assert_waits_without_lock;
use backstay_core::future::shared;
use futures::channel::oneshot;
use std::pin::pin;
use std::task::{Context, Waker};

#[test]
fn no_waker_is_touched_under_the_lock_of_a_shared_future() {
    let (sender, receiver) = oneshot::channel::<u32>();
    let shared = shared(async { receiver.await.ok() });
    let looked_at = shared.clone();
    let look = move || {
        let _ = pin!(looked_at.clone()).poll(&mut Context::from_waker(Waker::noop()));
    };
    // It polls the future, and so has its waker in it: the others only wait.
    let mut first = Box::pin(shared.clone());
    assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let wake = || {
        drop(first);
        sender.send(7).expect("it is awaited");
    };
    assert_waits_without_lock(look, || shared.clone(), wake);
}
