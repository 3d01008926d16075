//! What waits without a runtime: semaphore, notify.

mod kit;
mod notify;
mod semaphore;
mod semaphore_model;
