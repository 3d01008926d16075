//! What a service has said of its limits: no protocol, only the numbers.

use crate::resilience::rate_limiter::Quota;
use std::borrow::Cow;
use std::time::Duration;

/// What a service has said of its limits with one answer.
///
/// The words are those of the IETF's [*RateLimit header fields for HTTP*][draft] (draft-ietf-httpapi-ratelimit-headers-11);
/// where they come from is the caller's: `backstay-hyper` reads them from a response's fields. All times are counted from
/// when the answer came.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{Told, ToldQuota};
/// use std::time::Duration;
///
/// // RateLimit-Policy: "burst";q=100;w=60
/// // RateLimit: "burst";r=50;t=30
/// let minute = ToldQuota::of("burst").quota(100).window(Duration::from_secs(60));
/// let told = Told::new().quota(minute.remaining(50).reset(Duration::from_secs(30)));
/// assert_eq!(told.quotas[0].remaining, Some(50));
/// ```
///
/// [draft]: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Told {
    /// For so long nobody is to call: `Retry-After`.
    pub retry_after: Option<Duration>,
    /// Each quota that it has spoken of.
    pub quotas: Vec<ToldQuota>,
}

/// What a service has said of one of its quotas. What it has not said is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToldQuota {
    /// The name of the quota's policy.
    pub policy: Cow<'static, str>,
    /// Of which part of the service's capacity it is: `pk`. The same policy has a quota for each.
    pub partition: Option<Box<[u8]>>,
    /// In what it is counted: `qu`. It is [`REQUESTS`](Self::REQUESTS) where nothing is said.
    pub unit: Cow<'static, str>,
    /// How much there is in each window: `q`. Zero says nothing.
    pub quota: Option<u64>,
    /// The window: `w`. Zero says nothing.
    pub window: Option<Duration>,
    /// How much is left: `r`.
    pub remaining: Option<u64>,
    /// For how long no more than that is left: `t`.
    pub reset: Option<Duration>,
}

impl Told {
    /// Nothing was said.
    pub const fn new() -> Self {
        Self { retry_after: None, quotas: Vec::new() }
    }

    /// Whether nothing was said.
    pub const fn is_empty(&self) -> bool {
        self.retry_after.is_none() && self.quotas.is_empty()
    }

    /// The same, and nobody is to call for so long.
    #[must_use]
    pub const fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// The same, and what was said of one quota more.
    #[must_use]
    pub fn quota(mut self, quota: ToldQuota) -> Self {
        self.quotas.push(quota);
        self
    }
}

impl ToldQuota {
    /// The unit of who counts calls, whatever is in them.
    pub const REQUESTS: &'static str = "requests";

    /// Of the policy of that name nothing yet.
    pub fn of(policy: impl Into<Cow<'static, str>>) -> Self {
        Self {
            policy: policy.into(),
            partition: None,
            unit: Cow::Borrowed(Self::REQUESTS),
            quota: None,
            window: None,
            remaining: None,
            reset: None,
        }
    }

    /// The same, for that part of the service's capacity.
    #[must_use]
    pub fn partition(mut self, key: impl Into<Box<[u8]>>) -> Self {
        self.partition = Some(key.into());
        self
    }

    /// The same, counted in that.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.unit = unit.into();
        self
    }

    /// The same, with so much in each window.
    #[must_use]
    pub const fn quota(mut self, quota: u64) -> Self {
        self.quota = Some(quota);
        self
    }

    /// The same, with windows of that length.
    #[must_use]
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// The same, with so much left.
    #[must_use]
    pub const fn remaining(mut self, remaining: u64) -> Self {
        self.remaining = Some(remaining);
        self
    }

    /// The same, with no more than what is left for so long.
    #[must_use]
    pub const fn reset(mut self, reset: Duration) -> Self {
        self.reset = Some(reset);
        self
    }

    /// What a limiter with that quota tells its clients: who uses up what is left, and comes back at the reset for all there
    /// is, is never refused.
    pub(in crate::resilience) fn by(
        policy: Cow<'static, str>,
        quota: &Quota,
        left: u64,
        all_after: Duration,
    ) -> Self {
        let most = u64::from(quota.max_burst());
        let (window, reset) = match quota.is_strict() {
            true if left < most => (quota.per(), quota.per()),
            true => (quota.per(), Duration::ZERO),
            false => (saved_up(quota, most), saved_up(quota, most.saturating_sub(left))),
        };
        // Later, if there is something to be paid off first.
        Self::of(policy).quota(most).window(window).remaining(left).reset(reset.max(all_after))
    }

    /// Whether it is of the same quota as another.
    pub(super) fn is_of(&self, policy: &str, partition: Option<&[u8]>) -> bool {
        self.policy == policy && self.partition.as_deref() == partition
    }
}

/// In which time so many permits come back.
fn saved_up(quota: &Quota, permits: u64) -> Duration {
    let nanos = quota.per().as_nanos().saturating_mul(permits.into()).div_ceil(quota.permits().max(1).into());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
