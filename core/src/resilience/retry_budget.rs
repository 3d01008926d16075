//! At most so many retries, among all who share it.

mod config;
mod form;
mod ratio;
mod throttle;
mod token_bucket;
mod withdrawal;

pub use config::{RatioBudget, TokenBucketBudget};
pub use form::{RetryBudgetConfig, ThrottleBudget};
pub use withdrawal::Withdrawal;

use super::verdict::Verdict;
use crate::config_error::ConfigError;
use crate::instant::Instant;
use crate::primitives::Arc;
use ratio::Ratio;
use std::fmt;
use throttle::Throttle;
use token_bucket::TokenBucket;

/// At most so many retries, among all who share it: so that a service that is down is not kept down by those who try
/// again.
///
/// A limit of attempts multiplies: with three attempts a service in trouble has three times its load, and behind two
/// such services nine times. A budget adds: [`ratio(0.1)`](Self::ratio) is a tenth more load at most, whatever fails.
///
/// | form | a retry is allowed while | for |
/// |---|---|---|
/// | [`ratio`](Self::ratio) | retries are less than a share of the last calls | a service with traffic |
/// | [`token_bucket`](Self::token_bucket) | there are tokens to pay for it | a client among many |
/// | [`throttle`](Self::throttle) | more than a half of the tokens are there | gRPC's way |
///
/// In the last two it is successes that fill up the tokens.
///
/// A handle: clones share the budget. Share one among all calls to the same service, and keep one for each service.
/// It is given to a policy with [`RetryBuilder::budget`](super::RetryBuilder::budget); its own methods are for what
/// has no such policy.
///
/// # Cancel safety
///
/// A call that is dropped while it waits for its retry, or in the middle of it, gives back what it took.
///
/// # Cost
///
/// What is checked and what is taken is one step: a compare-and-swap, or for the ratio a lock held for a few
/// instructions. A ratio reads the clock once for every call, the others never. Nothing is allocated after the start.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{RetryBudget, Verdict};
/// use backstay_core::time::Instant;
///
/// // One retry for ten calls, and none on credit.
/// let budget = RetryBudget::ratio(0.1).min_per_second(0).build()?;
/// let now = Instant::ORIGIN;
/// for _ in 0..25 {
///     budget.record(Verdict::Success, now);
/// }
/// assert_eq!(budget.available(now), 2);
///
/// let withdrawal = budget.try_withdraw(1, now).expect("there are two");
/// withdrawal.record(Verdict::failure()); // made, and in vain
/// drop(budget.try_withdraw(1, now)); // not made: given back
/// assert_eq!(budget.available(now), 1);
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone)]
#[doc(alias = "TpsBudget")]
#[doc(alias = "retry throttling")]
#[doc(alias = "retry quota")]
pub struct RetryBudget(Arc<Form>);

#[derive(Debug)]
enum Form {
    Ratio(Ratio),
    TokenBucket(TokenBucket),
    Throttle(Throttle),
}

impl RetryBudget {
    /// Retries up to a share of the calls of the last ten seconds, and ten a second on top of it: 0.2 is one retry for
    /// five calls. From 0 to 1,000, to the millionth.
    ///
    /// Every first attempt that has reached the service counts as a call, whatever came of it, so that an outage has
    /// its share of retries too. The form is Finagle's `RetryBudget`, which tower has as `TpsBudget`; here in whole
    /// numbers, so that 0.3 of a thousand is three hundred.
    pub const fn ratio(ratio: f64) -> RatioBudget {
        RatioBudget::new(ratio)
    }

    /// A bucket of tokens, full at first: a retry takes five of five hundred, one after a timeout ten; a retry that
    /// succeeds gives back what was taken for it, and a call that succeeds at once one.
    ///
    /// The form and its figures are those of the "standard" retry mode of the AWS SDKs. Without successes nothing
    /// comes back: a service that is down gets a hundred retries, and then none until it is up.
    pub const fn token_bucket() -> TokenBucketBudget {
        TokenBucketBudget::new()
    }

    /// Tokens, `max_tokens` at first and at most: every failure takes one, every success gives `token_ratio` of one,
    /// and there are retries while more than a half of the tokens are there.
    ///
    /// The form is gRPC's retry throttling (proposal A6). A failure takes its token whether there is a retry or not,
    /// and nobody gives it back.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] names the field: `max_tokens` from 1 to 1,000,000, `token_ratio` from 0.001 on, not
    /// above `max_tokens`; what is finer than a thousandth is rounded.
    pub fn throttle(max_tokens: u32, token_ratio: f64) -> Result<Self, ConfigError> {
        ThrottleBudget { max_tokens, token_ratio }.build()
    }

    fn new(form: Form) -> Self {
        Self(Arc::new(form))
    }

    /// Records what came of a call's first attempt. That of a retry is recorded by its [`Withdrawal`].
    ///
    /// [`Verdict::Ignore`] counts nothing: the service was not asked.
    pub fn record(&self, verdict: Verdict, now: Instant) {
        match &*self.0 {
            Form::Ratio(ratio) if verdict != Verdict::Ignore => ratio.deposit(now),
            Form::TokenBucket(bucket) if verdict == Verdict::Success => bucket.succeed(),
            Form::Throttle(throttle) => throttle.record(verdict),
            Form::Ratio(_) | Form::TokenBucket(_) => {}
        }
    }

    /// Takes what a retry costs, after a failure that was [recorded](Self::record); `None` if that is not there.
    ///
    /// `cost` is that of [`Verdict::Failure`]: a retry of cost two is paid as two retries.
    #[must_use = "what is taken is given back when this is dropped"]
    pub fn try_withdraw(&self, cost: u32, now: Instant) -> Option<Withdrawal<'_>> {
        self.withdraw(cost, false, now)
    }

    /// As [`try_withdraw`](Self::try_withdraw), after a timeout, which some forms charge more for.
    #[must_use = "what is taken is given back when this is dropped"]
    pub fn try_withdraw_after_timeout(&self, cost: u32, now: Instant) -> Option<Withdrawal<'_>> {
        self.withdraw(cost, true, now)
    }

    pub(super) fn withdraw(&self, cost: u32, timeout: bool, now: Instant) -> Option<Withdrawal<'_>> {
        match &*self.0 {
            Form::Ratio(ratio) => {
                ratio.withdraw(cost, now).map(|(amount, slot)| Withdrawal::new(self, amount, slot))
            }
            Form::TokenBucket(bucket) => {
                bucket.withdraw(cost, timeout).map(|amount| Withdrawal::new(self, amount, 0))
            }
            Form::Throttle(throttle) => throttle.allows().then(|| Withdrawal::new(self, 0, 0)),
        }
    }

    /// How many retries of cost one there could be at this moment.
    ///
    /// Of [`throttle`](Self::throttle): how many failures it would take to stop them.
    pub fn available(&self, now: Instant) -> u64 {
        match &*self.0 {
            Form::Ratio(ratio) => ratio.available(now),
            Form::TokenBucket(bucket) => bucket.available(),
            Form::Throttle(throttle) => throttle.available(),
        }
    }

    /// Whether it is the same one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether it asks for the time.
    pub(super) fn needs_now(&self) -> bool {
        matches!(&*self.0, Form::Ratio(_))
    }

    /// What was taken was for nothing.
    fn give_back(&self, amount: u64, slot: u64) {
        match &*self.0 {
            Form::Ratio(ratio) => ratio.give_back(amount, slot),
            Form::TokenBucket(bucket) => bucket.give_back(amount),
            Form::Throttle(_) => {}
        }
    }

    /// One call of the operation more has had a result, be it a first one or not: to a throttle they are the same.
    pub(super) fn record_one(&self, verdict: Verdict) {
        if let Form::Throttle(throttle) = &*self.0 {
            throttle.record(verdict);
        }
    }

    /// Whether what was taken for a retry comes back.
    fn comes_back(&self, verdict: Verdict) -> bool {
        match &*self.0 {
            Form::Ratio(_) => verdict == Verdict::Ignore,
            Form::TokenBucket(_) => matches!(verdict, Verdict::Success | Verdict::Ignore),
            Form::Throttle(_) => false,
        }
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RetryBudget").field(&*self.0).finish()
    }
}
