//! The values of labels and fields: one name for each variant, in `snake_case` as in files and as OpenTelemetry's are;
//! the same in all versions.

#[cfg(feature = "tracing")]
use crate::resilience::CircuitReason;
use crate::resilience::{
    ChaosKind, CircuitState, Health, HedgeCause, OnStoreFailure, PolicyKind, Reason, Scope, Stop,
    StoreFailure, Verdict,
};

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
    PolicyKind::LoadShed => "load_shed",
    PolicyKind::Throttle => "throttle",
    PolicyKind::Retry => "retry",
    PolicyKind::RetryBudget => "retry_budget",
    PolicyKind::Hedge => "hedge",
    PolicyKind::RateLimiter => "rate_limiter",
    PolicyKind::ServiceLimit => "service_limit",
    PolicyKind::CircuitBreaker => "circuit_breaker",
    PolicyKind::Bulkhead => "bulkhead",
    PolicyKind::AdaptiveLimit => "adaptive_limit",
    PolicyKind::AttemptTimeout => "attempt_timeout",
    PolicyKind::Chaos => "chaos",
});

names!(REASONS, reason(Reason) {
    Reason::Open => "open",
    Reason::ProbesBusy => "probes_busy",
    Reason::Isolated => "isolated",
    Reason::Busy => "busy",
    Reason::QueueFull => "queue_full",
    Reason::MaxWait { .. } => "max_wait",
    Reason::RateLimited => "rate_limited",
    Reason::Paused => "paused",
    Reason::TooLarge { .. } => "too_large",
    Reason::TooManyKeys => "too_many_keys",
    Reason::StoreFailed => "store_failed",
    Reason::Throttled => "throttled",
    Reason::Overloaded => "overloaded",
    Reason::Closed => "closed",
});

names!(HEDGE_CAUSES, hedge_cause(HedgeCause) {
    HedgeCause::Delay => "delay",
    HedgeCause::Failure => "failure",
});

names!(CHAOS_KINDS, chaos_kind(ChaosKind) {
    ChaosKind::Fault => "fault",
    ChaosKind::Outcome => "outcome",
    ChaosKind::Latency => "latency",
    ChaosKind::Behavior => "behavior",
});

names!(STORE_FAILURES, store_failure(StoreFailure) {
    StoreFailure::Timeout => "timeout",
    StoreFailure::Error => "error",
    StoreFailure::NotAsked => "not_asked",
});

names!(ON_STORE_FAILURES, on_store_failure(OnStoreFailure) {
    OnStoreFailure::Allow => "allow",
    OnStoreFailure::Deny => "deny",
    OnStoreFailure::LocalShare(_) => "local_share",
});

names!(STOPS, stop(Stop) {
    Stop::MaxAttempts => "max_attempts",
    Stop::MaxElapsed => "max_elapsed",
    Stop::Deadline => "deadline",
    Stop::Budget => "budget",
    Stop::Pushback => "pushback",
    Stop::Refused => "refused",
    Stop::MaxRestarts => "max_restarts",
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
    CircuitState::Closed => "closed",
    CircuitState::Open => "open",
    CircuitState::HalfOpen => "half_open",
    CircuitState::Isolated => "isolated",
    CircuitState::Disabled => "disabled",
    CircuitState::MetricsOnly => "metrics_only",
});

#[cfg(feature = "tracing")]
pub(super) const fn circuit_reason(of: CircuitReason) -> &'static str {
    match of {
        CircuitReason::ConsecutiveFailures => "consecutive_failures",
        CircuitReason::FailureRate => "failure_rate",
        CircuitReason::SlowCallRate => "slow_call_rate",
        CircuitReason::OpenTimeOver => "open_time_over",
        CircuitReason::ProbesSucceeded => "probes_succeeded",
        CircuitReason::ProbeFailed => "probe_failed",
        CircuitReason::HalfOpenTimeOver => "half_open_time_over",
        CircuitReason::ByHand => "by_hand",
        CircuitReason::Restored => "restored",
    }
}

names!(HEALTH_STATES, health(Health) {
    Health::Unknown => Health::Unknown.as_str(),
    Health::Healthy => Health::Healthy.as_str(),
    Health::Unhealthy => Health::Unhealthy.as_str(),
});
