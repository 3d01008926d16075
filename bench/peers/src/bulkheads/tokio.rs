//! tokio's semaphore.

use super::{Setting, What};
use crate::calls::{Came, How, Policy, answer};
use std::hint::black_box;
use std::sync::Arc;
use tokio::sync::Semaphore;

pub(super) const NAME: &str = "tokio";

/// The semaphore, and what is asked of it.
pub(super) struct Guarded {
    semaphore: Arc<Semaphore>,
    setting: Setting,
}

impl Guarded {
    fn new(setting: Setting) -> Self {
        // Where all are taken: they never come back.
        let places = if setting.is_full { 0 } else { setting.places() };
        Self { semaphore: Arc::new(Semaphore::new(places)), setting }
    }
}

pub(super) struct Borrowed;

impl Policy<Setting> for Borrowed {
    const NAME: &'static str = NAME;
    type Shared = Guarded;
    type Caller = ();

    fn shared(setting: Setting) -> Guarded {
        Guarded::new(setting)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls(Guarded { semaphore, setting }: &Guarded, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        match setting {
            Setting { what: What::Permit, is_full } => {
                for _ in 0..times {
                    let permit = black_box(semaphore).try_acquire();
                    right += u64::from(permit.is_err() == *is_full);
                }
            }
            Setting { what: What::Call, is_full: true } => {
                for (request, came) in how.requests(times) {
                    let found = match semaphore.try_acquire() {
                        Ok(_permit) => answer(request).await.map_or(Came::Failed, Came::Good),
                        Err(_) => Came::Refused,
                    };
                    right += u64::from(came == found);
                }
            }
            Setting { what: What::Call, is_full: false } => {
                for (request, came) in how.requests(times) {
                    let _permit = semaphore.acquire().await.expect("it is open");
                    right += u64::from(came == answer(request).await.map_or(Came::Failed, Came::Good));
                }
            }
        }
        right
    }
}

pub(super) struct Owned;

impl Policy<Setting> for Owned {
    const NAME: &'static str = "owned";
    type Shared = Guarded;
    type Caller = ();

    fn shared(setting: Setting) -> Guarded {
        Guarded::new(setting)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls(Guarded { semaphore, setting }: &Guarded, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        match setting {
            Setting { what: What::Permit, is_full } => {
                for _ in 0..times {
                    let permit = Arc::clone(semaphore).try_acquire_owned();
                    right += u64::from(permit.is_err() == *is_full);
                }
            }
            Setting { what: What::Call, is_full: true } => {
                for (request, came) in how.requests(times) {
                    let found = match Arc::clone(semaphore).try_acquire_owned() {
                        Ok(_permit) => answer(request).await.map_or(Came::Failed, Came::Good),
                        Err(_) => Came::Refused,
                    };
                    right += u64::from(came == found);
                }
            }
            Setting { what: What::Call, is_full: false } => {
                for (request, came) in how.requests(times) {
                    let _permit = Arc::clone(semaphore).acquire_owned().await.expect("it is open");
                    right += u64::from(came == answer(request).await.map_or(Came::Failed, Came::Good));
                }
            }
        }
        right
    }
}
