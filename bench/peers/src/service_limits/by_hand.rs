//! Written by hand.

use super::{LEFT, RESET, Setting, left_after};
use crate::calls::{Came, How, Policy, answer};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub(super) struct ByHand;

/// What the service has said last, but for what was sent since.
pub(super) struct Known {
    left: u64,
    reset_at: Instant,
}

/// What is known, and whether answers say more.
pub(super) struct Limited {
    known: Mutex<Known>,
    setting: Setting,
}

impl Limited {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("nobody panics")
    }

    fn may_send(&self) -> bool {
        let now = Instant::now();
        let mut known = self.lock();
        if known.reset_at <= now {
            *known = Known { left: LEFT, reset_at: now + RESET };
        }
        let may = known.left > 0;
        known.left = known.left.saturating_sub(1);
        may
    }

    fn hear(&self, left: u64, reset: Duration) {
        let now = Instant::now();
        *self.lock() = Known { left, reset_at: now + reset };
    }
}

impl Policy<Setting> for ByHand {
    const NAME: &'static str = "by hand";
    type Shared = Limited;
    type Caller = ();

    fn shared(setting: Setting) -> Limited {
        let known = Known { left: setting.left(), reset_at: Instant::now() + RESET };
        Limited { known: Mutex::new(known), setting }
    }

    fn caller(_: &Limited) {}

    async fn calls(limited: &Limited, (): &mut (), how: How, times: u64) -> u64 {
        let mut right = 0;
        for (request, came) in how.requests(times) {
            let found = if limited.may_send() {
                let result = answer(request).await;
                if let (Ok(number), Setting::Told) = (result, limited.setting) {
                    limited.hear(left_after(number), RESET);
                }
                Came::shared(result)
            } else {
                Came::Refused
            };
            right += u64::from(came == found);
        }
        right
    }
}
