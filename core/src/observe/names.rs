//! The values of labels and fields: one name for each variant, the same in all versions.

use crate::resilience::{CircuitState, Health, PolicyKind, Reason, Scope, Stop, Verdict};

/// The name of each variant, and the list of them all: the compiler sees to it that none is left out.
macro_rules! names {
    ($list:ident, $name:ident($type:ty) { $($variant:pat => $text:expr,)* }) => {
        #[cfg(feature = "metrics")]
        pub(super) const $list: &[&str] = &[$($text),*];

        pub(super) const fn $name(of: $type) -> &'static str {
            match of {
                $($variant => $text,)*
            }
        }
    };
}

names!(KINDS, kind(PolicyKind) {
    PolicyKind::Fallback => "fallback",
    PolicyKind::Deadline => "deadline",
    PolicyKind::Retry => "retry",
    PolicyKind::RateLimiter => "rate-limiter",
    PolicyKind::CircuitBreaker => "circuit-breaker",
    PolicyKind::Bulkhead => "bulkhead",
    PolicyKind::AttemptTimeout => "attempt-timeout",
});

names!(REASONS, reason(Reason) {
    Reason::Open => "open",
    Reason::ProbesBusy => "probes-busy",
    Reason::Isolated => "isolated",
    Reason::Busy => "busy",
    Reason::QueueFull => "queue-full",
    Reason::MaxWait { .. } => "max-wait",
    Reason::RateLimited => "rate-limited",
    Reason::TooLarge { .. } => "too-large",
    Reason::TooManyKeys => "too-many-keys",
    Reason::Closed => "closed",
});

names!(STOPS, stop(Stop) {
    Stop::MaxAttempts => "max-attempts",
    Stop::MaxElapsed => "max-elapsed",
    Stop::Deadline => "deadline",
    Stop::Budget => "budget",
    Stop::Pushback => "pushback",
    Stop::Refused => "refused",
    Stop::MaxRestarts => "max-restarts",
});

names!(SCOPES, scope(Scope) {
    Scope::Total => "total",
    Scope::Attempt => "attempt",
    Scope::Queue => "queue",
});

names!(VERDICTS, verdict(Verdict) {
    Verdict::Success => "success",
    Verdict::Failure { .. } => "failure",
    Verdict::Fatal => "fatal",
    Verdict::Ignore => "ignore",
});

names!(CIRCUIT_STATES, circuit_state(CircuitState) {
    CircuitState::Closed => CircuitState::Closed.as_str(),
    CircuitState::Open => CircuitState::Open.as_str(),
    CircuitState::HalfOpen => CircuitState::HalfOpen.as_str(),
    CircuitState::Isolated => CircuitState::Isolated.as_str(),
    CircuitState::Disabled => CircuitState::Disabled.as_str(),
    CircuitState::MetricsOnly => CircuitState::MetricsOnly.as_str(),
});

names!(HEALTH_STATES, health(Health) {
    Health::Unknown => Health::Unknown.as_str(),
    Health::Healthy => Health::Healthy.as_str(),
    Health::Unhealthy => Health::Unhealthy.as_str(),
});
