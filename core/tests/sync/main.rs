//! What waits without a runtime: semaphore, notify.

mod by_hand;
mod kit;
mod notify;
mod semaphore;
mod semaphore_model;
