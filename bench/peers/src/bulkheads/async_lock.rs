//! async-lock's semaphore.

use super::{Setting, What};
use crate::calls::{Came, How, Policy, answer};
use async_lock::Semaphore;
use std::hint::black_box;

pub(super) struct AsyncLock;

impl Policy<Setting> for AsyncLock {
    const NAME: &'static str = "async-lock";
    type Shared = (Semaphore, Setting);
    type Caller = ();

    fn shared(setting: Setting) -> Self::Shared {
        // Where all are taken: they never come back.
        (Semaphore::new(if setting.is_full { 0 } else { setting.places() }), setting)
    }

    fn caller(_: &Self::Shared) {}

    async fn calls((semaphore, setting): &Self::Shared, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        match setting {
            Setting { what: What::Permit, is_full } => {
                for _ in 0..times {
                    let permit = black_box(semaphore).try_acquire();
                    right += u64::from(permit.is_none() == *is_full);
                }
            }
            Setting { what: What::Call, is_full: true } => {
                for (request, came) in how.requests(times) {
                    let found = match semaphore.try_acquire() {
                        Some(_permit) => answer(request).await.map_or(Came::Failed, Came::Good),
                        None => Came::Refused,
                    };
                    right += u64::from(came == found);
                }
            }
            Setting { what: What::Call, is_full: false } => {
                for (request, came) in how.requests(times) {
                    let _permit = semaphore.acquire().await;
                    right += u64::from(came == answer(request).await.map_or(Came::Failed, Came::Good));
                }
            }
        }
        right
    }
}
