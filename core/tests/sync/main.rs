//! What waits without a runtime: semaphore, notify.

mod kit;
mod semaphore;
mod semaphore_model;
