//! A policy's no.

use std::fmt;
use std::time::Duration;

/// A policy refused: which one, why, and when it is worth coming back.
///
/// Small and `Copy`: a refusal is what a policy gives most of when there is most to do, and it costs no memory.
///
/// # Examples
///
/// ```
/// use backstay_core::resilience::{PolicyKind, Reason, Rejected};
/// use std::time::Duration;
///
/// let rejected = Rejected::new(PolicyKind::CircuitBreaker, "users-db", Reason::Open)
///     .with_retry_after(Duration::from_secs(12));
/// assert_eq!(
///     rejected.to_string(),
///     "circuit breaker `users-db` refused the call: it is open; try again in 12s",
/// );
/// assert_eq!(rejected.retry_after(), Some(Duration::from_secs(12)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rejected {
    policy: PolicyKind,
    name: &'static str,
    reason: Reason,
    retry_after: Option<Duration>,
}

/// What kind of policy it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PolicyKind {
    /// Another answer where there is none.
    Fallback,
    /// A limit on the time of the whole call.
    Deadline,
    /// Less work for what can't do it all.
    LoadShed,
    /// Fewer calls to what can't take so many.
    Throttle,
    /// Another attempt after a failure.
    Retry,
    /// Retries that many processes pay for together.
    RetryBudget,
    /// Another call while one is under way.
    Hedge,
    /// At most so many calls in a time.
    RateLimiter,
    /// As many calls as the service says that it takes.
    ServiceLimit,
    /// No calls to what is down.
    CircuitBreaker,
    /// At most so many calls at a time.
    Bulkhead,
    /// At most so many calls at a time, as the service can take.
    AdaptiveLimit,
    /// A limit on the time of one attempt.
    AttemptTimeout,
    /// Faults on purpose.
    Chaos,
}

/// Why a policy refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The circuit breaker is open.
    Open,
    /// The circuit breaker is half-open, and all its probes are under way.
    ProbesBusy,
    /// The circuit breaker was isolated by hand.
    Isolated,
    /// All places are taken, and who asked did not want to wait.
    Busy,
    /// As many calls as may wait are waiting; none, where none may.
    QueueFull,
    /// Its turn had not come when it had waited for so long.
    MaxWait {
        /// How long it may wait.
        limit: Duration,
    },
    /// The rate is used up, and the wait would be longer than it may be.
    RateLimited,
    /// The service has told everybody to wait.
    Paused,
    /// More was asked for at once than there ever is.
    TooLarge {
        /// How much there is at most.
        capacity: u64,
    },
    /// As many keys as may be kept are in use, and this is another.
    TooManyKeys,
    /// The store of what many share gave no answer, and then calls are refused.
    StoreFailed,
    /// Of what was sent of late, the service took too little.
    Throttled,
    /// It has waited too long, and so has everybody.
    Overloaded,
    /// The policy was closed.
    Closed,
}

impl Rejected {
    /// A refusal by the policy of that name.
    ///
    /// Names are `&'static str`, so that refusals are `Copy`. One that is made at run time can be
    /// [leaked](String::leak): policies live as long as programs do.
    pub const fn new(policy: PolicyKind, name: &'static str, reason: Reason) -> Self {
        Self { policy, name, reason, retry_after: None }
    }

    /// The same, with the time after which it is worth coming back.
    pub const fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The kind of policy.
    pub const fn policy(&self) -> PolicyKind {
        self.policy
    }

    /// The policy's name, empty where it was given none.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Why it refused.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// After which time it is worth coming back, if the policy knows. Waiting that long is enough if nobody else comes
    /// meanwhile.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether it is retries that there are no more of, so that another attempt would be refused too.
    pub(super) const fn is_of_budget(&self) -> bool {
        matches!(self.policy, PolicyKind::RetryBudget)
    }

    /// The limit of a wait that took too long.
    pub(super) const fn max_wait(&self) -> Option<Duration> {
        match self.reason {
            Reason::MaxWait { limit } => Some(limit),
            _ => None,
        }
    }
}

impl PolicyKind {
    /// Its name in words: `circuit breaker`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fallback => "fallback",
            Self::Deadline => "deadline",
            Self::LoadShed => "load shedder",
            Self::Throttle => "throttle",
            Self::Retry => "retry",
            Self::RetryBudget => "retry budget",
            Self::Hedge => "hedge",
            Self::RateLimiter => "rate limiter",
            Self::ServiceLimit => "service limit",
            Self::CircuitBreaker => "circuit breaker",
            Self::Bulkhead => "bulkhead",
            Self::AdaptiveLimit => "adaptive limit",
            Self::AttemptTimeout => "attempt timeout",
            Self::Chaos => "chaos",
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("it is open"),
            Self::ProbesBusy => f.write_str("it is half-open and its probes are under way"),
            Self::Isolated => f.write_str("it is isolated"),
            Self::Busy => f.write_str("all its places are taken"),
            Self::QueueFull => f.write_str("its queue is full"),
            Self::MaxWait { limit } => write!(f, "no turn came within {limit:?}"),
            Self::RateLimited => f.write_str("the rate is used up"),
            Self::Paused => f.write_str("the service said to wait"),
            Self::TooLarge { capacity } => write!(f, "more was asked for than {capacity}, all there is"),
            Self::TooManyKeys => f.write_str("as many keys as may be are in use"),
            Self::StoreFailed => f.write_str("the store of what is shared gave no answer"),
            Self::Throttled => f.write_str("too few of the latest calls were accepted"),
            Self::Overloaded => f.write_str("it has waited too long, and so has everybody"),
            Self::Closed => f.write_str("it is closed"),
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)?;
        if !self.name.is_empty() {
            write!(f, " `{}`", self.name)?;
        }
        write!(f, " refused the call: {}", self.reason)?;
        match self.retry_after {
            Some(delay) => write!(f, "; try again in {delay:?}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Rejected {}
