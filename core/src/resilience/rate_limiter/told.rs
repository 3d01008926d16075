//! What a limiter says: to who is refused, to its observer, and to who reads why a program stands still.

use super::RateLimiter;
use super::ledger::Refusal;
use crate::instant::Instant;
use crate::resilience::observer::{Event, EventKind};
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::resilience::service_limit::ToldQuota;
use std::borrow::Cow;
use std::time::Duration;

impl RateLimiter {
    /// What to tell a client of this limiter, for a policy of that name: how much is left now, and when all of it is there
    /// again. It is for the server's side of a [`ServiceLimit`](crate::resilience::ServiceLimit): `backstay-hyper` writes it
    /// into a response.
    ///
    /// The quota is the burst, and the window the time in which that comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::resilience::{Quota, RateLimiter};
    /// use backstay_core::time::Instant;
    /// use std::time::Duration;
    ///
    /// let (limiter, now) = (RateLimiter::new(Quota::per_second(10).burst(20))?, Instant::ORIGIN);
    /// let _permit = limiter.try_acquire(now).expect("there are twenty");
    /// let told = limiter.told("api", now);
    /// assert_eq!((told.quota, told.window), (Some(20), Some(Duration::from_secs(2))));
    /// assert_eq!((told.remaining, told.reset), (Some(19), Some(Duration::from_millis(100))));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn told(&self, policy: impl Into<Cow<'static, str>>, now: Instant) -> ToldQuota {
        let (left, all_after) = self.shared.state.left(now.as_nanos());
        ToldQuota::by(policy.into(), &self.quota(), left, Duration::from_nanos(all_after))
    }

    /// The refusal in the callers' terms, which its own observer hears of.
    pub(super) fn rejected(&self, refusal: Refusal, now: u64) -> Rejected {
        let name = self.name();
        let because = |reason| Rejected::new(PolicyKind::RateLimiter, name, reason);
        // Never zero, whatever clocks say: who comes back at once would find nothing new.
        let after = |until: u64| Duration::from_nanos(until.saturating_sub(now).max(1));
        let rejected = match refusal {
            Refusal::TooLarge { capacity } => because(Reason::TooLarge { capacity }),
            Refusal::Until(until) => because(Reason::RateLimited).with_retry_after(after(until)),
            Refusal::QueueFull { until } => because(Reason::QueueFull).with_retry_after(after(until)),
            Refusal::MaxWait { limit } => because(Reason::MaxWait { limit: Duration::from_nanos(limit) }),
        };
        self.tell(EventKind::Rejected(rejected));
        rejected
    }

    /// Tells its own observer.
    pub(super) fn tell(&self, kind: EventKind) {
        if let Some(observer) = self.shared.observed.get() {
            observer.on_event(&Event { source: self.name(), kind });
        }
    }

    /// What waits, for a report.
    pub(super) fn describe_waiting(&self) -> String {
        let (name, waiting) = (self.name(), self.waiting());
        if name.is_empty() {
            format!("rate limiter, {waiting} waiting")
        } else {
            format!("rate limiter `{name}`, {waiting} waiting")
        }
    }
}
