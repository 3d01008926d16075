//! What a stack of policies is, in words; and what is suspicious about it.

use super::rejected::PolicyKind;
use crate::config_error::ConfigError;
use std::fmt;
use std::time::Duration;

/// A policy that can say what it is.
///
/// Sealed: it is there to be named in bounds.
pub trait Describe {
    /// What it is and how it is set.
    #[doc(hidden)]
    fn facts(&self) -> Facts;

    /// Whether it is there at all.
    #[doc(hidden)]
    fn is_there(&self) -> bool {
        true
    }

    /// Whether it makes sense.
    #[doc(hidden)]
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}

/// What a policy is and how it is set.
#[doc(hidden)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub(super) kind: PolicyKind,
    pub(super) name: &'static str,
    pub(super) settings: String,
    /// Of a time limit.
    pub(super) limit: Option<Duration>,
}

impl Facts {
    pub(super) const fn new(kind: PolicyKind, name: &'static str, settings: String) -> Self {
        Self { kind, name, settings, limit: None }
    }

    /// Those of a time limit.
    pub(super) fn limit(kind: PolicyKind, limit: Duration) -> Self {
        Self { kind, name: "", settings: format!("{limit:?}"), limit: Some(limit) }
    }
}

/// What a pipeline is made of, from the outermost policy to the innermost.
///
/// Its `Display` is for logs and bug reports: a line a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    pub(super) name: &'static str,
    pub(super) policies: Vec<Facts>,
}

impl Description {
    /// The pipeline's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The kinds of its policies, from the outermost to the innermost.
    pub fn kinds(&self) -> impl Iterator<Item = PolicyKind> + '_ {
        self.policies.iter().map(|facts| facts.kind)
    }

    /// What is suspicious about the order, each once: see [`Lint`].
    pub(super) fn lints(&self) -> Vec<Lint> {
        use PolicyKind::{
            AdaptiveLimit, AttemptTimeout, Bulkhead, Chaos, CircuitBreaker, Deadline, Fallback, Hedge,
            LoadShed, RateLimiter, Retry, RetryBudget, ServiceLimit, Throttle,
        };
        let mut lints: Vec<Lint> = Vec::new();
        for (index, outer) in self.policies.iter().enumerate() {
            for inner in &self.policies[index + 1..] {
                let is_longer = outer.limit.is_some() && outer.limit <= inner.limit;
                let found = match (outer.kind, inner.kind) {
                    (CircuitBreaker, Retry) => Some(Lint::RetryInsideBreaker),
                    (RateLimiter | ServiceLimit, Retry) => Some(Lint::RateLimiterOutsideRetry),
                    (RetryBudget, Retry) => Some(Lint::RetryBudgetOutsideRetry),
                    (Bulkhead, Retry) => Some(Lint::BulkheadOutsideRetry),
                    (AdaptiveLimit, Retry) => Some(Lint::AdaptiveLimitOutsideRetry),
                    (AdaptiveLimit, Bulkhead | RateLimiter | ServiceLimit | RetryBudget) => {
                        Some(Lint::WaitInsideAdaptiveLimit)
                    }
                    (AttemptTimeout, Retry) => Some(Lint::AttemptTimeoutOutsideRetry),
                    (Retry, Fallback) => Some(Lint::FallbackInsideRetry),
                    (CircuitBreaker, Fallback) => Some(Lint::FallbackInsideBreaker),
                    (Throttle, Fallback) => Some(Lint::FallbackInsideThrottle),
                    (Retry | Hedge, LoadShed) => Some(Lint::LoadShedInsideRetry),
                    (Retry, Retry) => Some(Lint::RetryInsideRetry),
                    // One that is an instant is the same for all attempts.
                    (Retry, Deadline) if inner.limit.is_some() => Some(Lint::DeadlineInsideRetry),
                    (Deadline, AttemptTimeout) if is_longer => Some(Lint::AttemptTimeoutNotBelowDeadline),
                    (AttemptTimeout, Bulkhead | AdaptiveLimit | RateLimiter | ServiceLimit | RetryBudget) => {
                        Some(Lint::WaitInsideAttemptTimeout)
                    }
                    (Hedge, Retry) => Some(Lint::RetryInsideHedge),
                    (Hedge, Hedge) => Some(Lint::HedgeInsideHedge),
                    (Hedge, Fallback) => Some(Lint::FallbackInsideHedge),
                    (RateLimiter | ServiceLimit, Hedge) => Some(Lint::RateLimiterOutsideHedge),
                    (Bulkhead, Hedge) => Some(Lint::BulkheadOutsideHedge),
                    (AdaptiveLimit, Hedge) => Some(Lint::AdaptiveLimitOutsideHedge),
                    (Chaos, inner) if inner != Chaos => Some(Lint::ChaosOutside),
                    _ => None,
                };
                lints.extend(found.filter(|lint| !lints.contains(lint)));
            }
        }
        lints
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        for Facts { kind, name, settings, .. } in &self.policies {
            write!(f, "\n  {kind}")?;
            if !name.is_empty() {
                write!(f, " `{name}`")?;
            }
            if !settings.is_empty() {
                write!(f, ": {settings}")?;
            }
        }
        Ok(())
    }
}

/// An order of policies that is allowed, and hardly ever meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Lint {
    /// The breaker counts all attempts of a call as one, and does not stop them when the service is down.
    RetryInsideBreaker,
    /// The limiter counts a call once, however often it is tried: the service is asked more often than it says.
    RateLimiterOutsideRetry,
    /// The budget only sees first attempts, and those are free: nothing limits the retries.
    RetryBudgetOutsideRetry,
    /// A call keeps its place while it waits between attempts, when it needs none.
    BulkheadOutsideRetry,
    /// The limit takes a call with all its attempts and delays for one of the service's, and a slow one.
    AdaptiveLimitOutsideRetry,
    /// The time spent waiting for a turn looks to the limit like a slow service.
    WaitInsideAdaptiveLimit,
    /// What is meant for one attempt limits all of them together.
    AttemptTimeoutOutsideRetry,
    /// The deadline comes first, so that there is never a second attempt after one that hangs.
    AttemptTimeoutNotBelowDeadline,
    /// The retry never sees a failure, because the fallback has answered.
    FallbackInsideRetry,
    /// The breaker never sees a failure, because the fallback has answered: it never opens.
    FallbackInsideBreaker,
    /// The throttle never sees a failure, because the fallback has answered: it refuses nothing.
    FallbackInsideThrottle,
    /// The attempts or hedges before, and the delays between them, look like a wait in a queue.
    LoadShedInsideRetry,
    /// The attempts multiply.
    RetryInsideRetry,
    /// The deadline begins anew with each attempt, and is not the whole call's.
    DeadlineInsideRetry,
    /// The time spent waiting for a turn is taken from the attempt's, and looks like a slow service.
    WaitInsideAttemptTimeout,
    /// Each hedge tries again by itself: the calls multiply.
    RetryInsideHedge,
    /// The hedges multiply.
    HedgeInsideHedge,
    /// The hedge never sees a failure, because the fallback has answered.
    FallbackInsideHedge,
    /// The limiter counts a call once, however many hedges it has.
    RateLimiterOutsideHedge,
    /// A call has one place, however many hedges of it are under way.
    BulkheadOutsideHedge,
    /// The limit takes the fastest of several calls for the only one: the service looks faster than it is.
    AdaptiveLimitOutsideHedge,
    /// The policies inside never see what chaos does.
    ChaosOutside,
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RetryInsideBreaker => {
                "the retry is inside the circuit breaker: it counts all attempts of a call as one, and does not stop \
                 them when it opens; put the breaker inside the retry"
            }
            Self::RateLimiterOutsideRetry => {
                "the rate limiter is outside the retry: retries are not counted; put the limiter inside the retry"
            }
            Self::RetryBudgetOutsideRetry => {
                "the retry budget is outside the retry: it only sees first attempts, which are free; put the budget \
                 inside the retry"
            }
            Self::BulkheadOutsideRetry => {
                "the bulkhead is outside the retry: a call keeps its place while it waits between attempts; put the \
                 bulkhead inside the retry"
            }
            Self::AdaptiveLimitOutsideRetry => {
                "the adaptive limit is outside the retry: it measures all attempts and the time between them as one \
                 call; put the limit inside the retry"
            }
            Self::WaitInsideAdaptiveLimit => {
                "a wait for a turn is inside the adaptive limit: it measures the wait as the service's; put the \
                 adaptive limit inside the bulkhead and the rate limiter"
            }
            Self::AttemptTimeoutOutsideRetry => {
                "the attempt timeout is outside the retry: it limits all attempts together; put it inside the retry, \
                 or use a deadline"
            }
            Self::AttemptTimeoutNotBelowDeadline => {
                "the attempt timeout is not below the deadline: an attempt that hangs uses up the whole call's time"
            }
            Self::FallbackInsideRetry => {
                "the fallback is inside the retry: it answers before anything is tried again; put the fallback \
                 outside the retry"
            }
            Self::FallbackInsideBreaker => {
                "the fallback is inside the circuit breaker: it answers before the breaker hears of a failure; put the \
                 fallback outside the breaker"
            }
            Self::FallbackInsideThrottle => {
                "the fallback is inside the throttle: it answers before the throttle hears of a failure; put the \
                 fallback outside the throttle"
            }
            Self::LoadShedInsideRetry => {
                "the load shedder is inside the retry or hedge: the calls before and the delays between them look like \
                 a wait in a queue; put the load shedder outside of it"
            }
            Self::RetryInsideRetry => "there is a retry inside a retry: their attempts multiply",
            Self::DeadlineInsideRetry => {
                "the deadline is inside the retry: it begins anew with each attempt; put it outside the retry, or use \
                 an attempt timeout"
            }
            Self::WaitInsideAttemptTimeout => {
                "a wait for a turn is inside the attempt timeout: a full queue looks like a slow service; put the \
                 attempt timeout inside the bulkhead, the adaptive limit and the rate limiter"
            }
            Self::RetryInsideHedge => {
                "the retry is inside the hedge: each hedge tries again by itself; put the hedge inside the retry"
            }
            Self::HedgeInsideHedge => "there is a hedge inside a hedge: their calls multiply",
            Self::FallbackInsideHedge => {
                "the fallback is inside the hedge: it answers before there is another call; put the fallback outside \
                 the hedge"
            }
            Self::RateLimiterOutsideHedge => {
                "the rate limiter is outside the hedge: hedges are not counted; put the limiter inside the hedge"
            }
            Self::BulkheadOutsideHedge => {
                "the bulkhead is outside the hedge: a call has one place for all its hedges; put the bulkhead inside \
                 the hedge"
            }
            Self::AdaptiveLimitOutsideHedge => {
                "the adaptive limit is outside the hedge: it measures the fastest of several calls as one; put the \
                 limit inside the hedge"
            }
            Self::ChaosOutside => {
                "a policy is inside the chaos: it never sees what that does; put the chaos innermost"
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PolicyKind::{
        AdaptiveLimit, AttemptTimeout, Bulkhead, Chaos, CircuitBreaker, Deadline, Fallback, Hedge, LoadShed,
        RateLimiter, Retry, RetryBudget, ServiceLimit, Throttle,
    };

    fn lints(policies: &[(PolicyKind, u64)]) -> Vec<Lint> {
        let facts = |&(kind, millis): &(PolicyKind, u64)| match millis {
            0 => Facts::new(kind, "", String::new()),
            millis => Facts::limit(kind, Duration::from_millis(millis)),
        };
        Description { name: "test", policies: policies.iter().map(facts).collect() }.lints()
    }

    #[test]
    fn the_default_order_has_none() {
        let order = [
            (Fallback, 0),
            (Deadline, 2_000),
            (LoadShed, 0),
            (Throttle, 0),
            (Retry, 0),
            (Hedge, 0),
            (RetryBudget, 0),
            (RateLimiter, 0),
            (ServiceLimit, 0),
            (CircuitBreaker, 0),
            (Bulkhead, 0),
            (AdaptiveLimit, 0),
            (AttemptTimeout, 500),
            (Chaos, 0),
            (Chaos, 0),
        ];
        assert_eq!(lints(&order), []);
        assert_eq!(lints(&[]), []);
    }

    #[test]
    fn a_description_has_the_pipelines_name_and_a_lint_its_own_words() {
        assert_eq!(Description { name: "users", policies: Vec::new() }.name(), "users");
        let order = [(CircuitBreaker, 0), (Retry, 0), (Retry, 0), (Fallback, 0), (Deadline, 10)];
        let words: Vec<_> = lints(&order).iter().map(ToString::to_string).collect();
        assert_eq!(words.len(), 5);
        for (at, lint) in words.iter().enumerate() {
            assert!(lint.contains(" inside ") && !words[..at].contains(lint), "{lint}");
        }
    }

    #[test]
    fn each_is_found_also_with_something_in_between() {
        for (outer, inner, lint) in [
            ((CircuitBreaker, 0), (Retry, 0), Lint::RetryInsideBreaker),
            ((RateLimiter, 0), (Retry, 0), Lint::RateLimiterOutsideRetry),
            ((ServiceLimit, 0), (Retry, 0), Lint::RateLimiterOutsideRetry),
            ((RetryBudget, 0), (Retry, 0), Lint::RetryBudgetOutsideRetry),
            ((AttemptTimeout, 10), (RetryBudget, 0), Lint::WaitInsideAttemptTimeout),
            ((AdaptiveLimit, 0), (RetryBudget, 0), Lint::WaitInsideAdaptiveLimit),
            ((Bulkhead, 0), (Retry, 0), Lint::BulkheadOutsideRetry),
            ((AdaptiveLimit, 0), (Retry, 0), Lint::AdaptiveLimitOutsideRetry),
            ((AdaptiveLimit, 0), (Bulkhead, 0), Lint::WaitInsideAdaptiveLimit),
            ((AdaptiveLimit, 0), (RateLimiter, 0), Lint::WaitInsideAdaptiveLimit),
            ((AttemptTimeout, 10), (Retry, 0), Lint::AttemptTimeoutOutsideRetry),
            ((Retry, 0), (Fallback, 0), Lint::FallbackInsideRetry),
            ((CircuitBreaker, 0), (Fallback, 0), Lint::FallbackInsideBreaker),
            ((Throttle, 0), (Fallback, 0), Lint::FallbackInsideThrottle),
            ((Retry, 0), (LoadShed, 0), Lint::LoadShedInsideRetry),
            ((Hedge, 0), (LoadShed, 0), Lint::LoadShedInsideRetry),
            ((Retry, 0), (Retry, 0), Lint::RetryInsideRetry),
            ((Retry, 0), (Deadline, 10), Lint::DeadlineInsideRetry),
            ((Deadline, 10), (AttemptTimeout, 10), Lint::AttemptTimeoutNotBelowDeadline),
            ((AttemptTimeout, 10), (RateLimiter, 0), Lint::WaitInsideAttemptTimeout),
            ((AttemptTimeout, 10), (Bulkhead, 0), Lint::WaitInsideAttemptTimeout),
            ((AttemptTimeout, 10), (AdaptiveLimit, 0), Lint::WaitInsideAttemptTimeout),
            ((Hedge, 0), (Retry, 0), Lint::RetryInsideHedge),
            ((Hedge, 0), (Hedge, 0), Lint::HedgeInsideHedge),
            ((Hedge, 0), (Fallback, 0), Lint::FallbackInsideHedge),
            ((RateLimiter, 0), (Hedge, 0), Lint::RateLimiterOutsideHedge),
            ((ServiceLimit, 0), (Hedge, 0), Lint::RateLimiterOutsideHedge),
            ((AdaptiveLimit, 0), (ServiceLimit, 0), Lint::WaitInsideAdaptiveLimit),
            ((AttemptTimeout, 10), (ServiceLimit, 0), Lint::WaitInsideAttemptTimeout),
            ((Bulkhead, 0), (Hedge, 0), Lint::BulkheadOutsideHedge),
            ((AdaptiveLimit, 0), (Hedge, 0), Lint::AdaptiveLimitOutsideHedge),
            ((Chaos, 0), (RateLimiter, 0), Lint::ChaosOutside),
        ] {
            assert_eq!(lints(&[outer, inner]), [lint]);
            assert_eq!(
                lints(&[outer, (Fallback, 0), inner]).iter().filter(|&&found| found == lint).count(),
                1
            );
            assert!(!lints(&[inner]).contains(&lint));
        }
        assert_eq!(lints(&[(Deadline, 11), (AttemptTimeout, 10)]), []);
        // A deadline at an instant has no length, and begins anew with nothing.
        assert_eq!(lints(&[(Retry, 0), (Deadline, 0)]), []);
        assert_eq!(lints(&[(Retry, 0), (Fallback, 0), (Fallback, 0)]), [Lint::FallbackInsideRetry]);
    }
}
