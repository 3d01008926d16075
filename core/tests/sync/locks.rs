//! No waker is cloned, woken or dropped while a lock is held.

use crate::lock_probe::assert_waits_without_lock;
use backstay_core::sync::{Notify, Semaphore};
use std::sync::Arc;

#[test]
fn no_waker_is_touched_under_the_lock_of_a_semaphore() {
    let semaphore = Arc::new(Semaphore::new(crate::kit::limit(1)));
    let permit = semaphore.try_acquire().unwrap();
    let looked_at = Arc::clone(&semaphore);
    let look = move || assert!(looked_at.waiting() < 2);
    assert_waits_without_lock(look, || semaphore.acquire(), || drop(permit));
}

#[test]
fn no_waker_is_touched_under_the_lock_of_a_notify() {
    let notify = Arc::new(Notify::new());
    let looked_at = Arc::clone(&notify);
    let look = move || assert!(format!("{looked_at:?}").contains("Notify"));
    assert_waits_without_lock(look, || notify.notified(), || notify.notify_one());
}
