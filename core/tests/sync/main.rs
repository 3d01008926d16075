//! What waits without a runtime: semaphore, notify.

mod by_hand;
mod kit;
#[path = "../common/lock_probe.rs"]
mod lock_probe;
mod locks;
mod notify;
mod semaphore;
mod semaphore_model;
