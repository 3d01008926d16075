//! All metrics that there are.

use crate::observe::names;
use crate::resilience::Priority;
use metrics::Unit;

/// What a metric of [`METRICS`] is.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What kind of numbers it is.
    pub kind: MetricKind,
    /// What it counts in; `None` for a number of things, or for a share within 0..=1.
    pub unit: Option<Unit>,
    /// Its labels, `policy` first.
    pub labels: &'static [MetricLabel],
    /// What it says.
    pub help: &'static str,
    row: Row,
}

/// What kind of numbers a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Goes up only.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often there was a value of each size.
    Histogram,
}

/// A label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricLabel {
    /// Its name.
    pub name: &'static str,
    /// All values that it can have; none for `policy`, whose values are the names of pipelines and policies.
    pub values: &'static [&'static str],
}

const POLICY: MetricLabel = label("policy", &[]);
const KIND: MetricLabel = label("kind", names::KINDS);
const CIRCUIT_STATE: MetricLabel = label("state", names::CIRCUIT_STATES);
const HEALTH_STATE: MetricLabel = label("state", names::HEALTH_STATES);
#[rustfmt::skip]
const PRIORITY: MetricLabel = label("priority", &[
    Priority::Sheddable.as_str(), Priority::SheddablePlus.as_str(),
    Priority::Critical.as_str(), Priority::CriticalPlus.as_str(),
]);
const VERDICT: MetricLabel = label("verdict", names::VERDICTS);

const fn outcome(values: &'static [&'static str]) -> MetricLabel {
    label("outcome", values)
}

const fn label(name: &'static str, values: &'static [&'static str]) -> MetricLabel {
    MetricLabel { name, values }
}

/// Where in the table a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Calls,
    CallDuration,
    Attempts,
    Retries,
    RetriesExhausted,
    Hedges,
    HedgesWon,
    Rejections,
    Timeouts,
    QueueWait,
    Fallbacks,
    Chaos,
    StoreFailures,
    CircuitChanges,
    CircuitState,
    CircuitFailures,
    CircuitSlowCalls,
    HealthChanges,
    HealthState,
    BulkheadInFlight,
    BulkheadWaiting,
    BulkheadMaxInFlight,
    AdaptiveLimit,
    AdaptiveLimitInFlight,
    AdaptiveLimitWaiting,
    RateLimiterWaiting,
    ServiceLimitWaiting,
    ThrottleRejection,
    LoadShedOverloaded,
    PoolWorkers,
    PoolQueued,
    PoolRunning,
    PoolJobs,
    TasksRunning,
    Tasks,
    ChildStarts,
    ChildExits,
    ChildRestarts,
    SupervisorsGivenUp,
    ShutdownDuration,
    ShutdownTasks,
}

/// All metrics that [`Metrics`](super::Metrics) emits: names, labels, units.
///
/// Names, labels and their values stay what they are in all versions; there may be more of them. The values of labels
/// are the names of variants in `snake_case`: `queue_full`, `half_open`.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    // From events.
    counter(Row::Calls, "backstay_calls_total", &[POLICY, VERDICT],
        "Calls of pipelines that have ended, by what their results say of the service"),
    seconds(Row::CallDuration, MetricKind::Histogram, "backstay_call_duration_seconds", &[POLICY, VERDICT],
        "How long calls took, with all their attempts and all their waiting"),
    counter(Row::Attempts, "backstay_attempts_total", &[POLICY],
        "How often the operations of calls that have ended were called"),
    counter(Row::Retries, "backstay_retries_total", &[POLICY],
        "Attempts that failed and were followed by another"),
    counter(Row::RetriesExhausted, "backstay_retries_exhausted_total", &[POLICY, label("reason", names::STOPS)],
        "Calls that were given up after a failure, by why there was no other attempt"),
    counter(Row::Hedges, "backstay_hedges_total", &[POLICY, label("cause", names::HEDGE_CAUSES)],
        "Calls of an operation while another was under way or after it had failed, by why"),
    counter(Row::HedgesWon, "backstay_hedges_won_total", &[POLICY],
        "Hedges whose result was the call's"),
    counter(Row::Rejections, "backstay_rejections_total", &[POLICY, KIND, label("reason", names::REASONS)],
        "Calls that a policy refused, by the kind of policy and why"),
    counter(Row::Timeouts, "backstay_timeouts_total", &[POLICY, label("scope", names::SCOPES)],
        "Time limits that were hit, by whose time it was"),
    seconds(Row::QueueWait, MetricKind::Histogram, "backstay_queue_wait_seconds", &[POLICY, KIND],
        "How long calls waited for a turn and got it; those that did not have to wait are not in it"),
    counter(Row::Fallbacks, "backstay_fallbacks_total", &[POLICY],
        "Answers that were needed and are not the operation's"),
    counter(Row::Chaos, "backstay_chaos_total", &[POLICY, label("chaos", names::CHAOS_KINDS)],
        "Calls that chaos struck, by what happened to them"),
    counter(Row::StoreFailures, "backstay_store_failures_total",
        &[POLICY, label("cause", names::STORE_FAILURES), label("instead", names::ON_STORE_FAILURES)],
        "Calls for which the store of a shared limiter gave no answer, by why and by what was done instead"),
    counter(Row::CircuitChanges, "backstay_circuit_changes_total", &[POLICY, CIRCUIT_STATE],
        "Changes of a circuit breaker's state, by the state it went to"),
    gauge(Row::CircuitState, "backstay_circuit_state", &[POLICY, CIRCUIT_STATE],
        "1 for the state that a circuit breaker is in, 0 for the others"),
    gauge(Row::CircuitFailures, "backstay_circuit_failure_ratio", &[POLICY],
        "The share of the calls in a circuit breaker's window that failed"),
    gauge(Row::CircuitSlowCalls, "backstay_circuit_slow_call_ratio", &[POLICY],
        "The share of the calls in a circuit breaker's window that were slow"),
    counter(Row::HealthChanges, "backstay_health_changes_total", &[POLICY, HEALTH_STATE],
        "Changes of what a health check finds, by what it finds then"),
    gauge(Row::HealthState, "backstay_health_state", &[POLICY, HEALTH_STATE],
        "1 for what a health check finds, 0 for the others"),
    // From snapshots.
    gauge(Row::BulkheadInFlight, "backstay_bulkhead_in_flight", &[POLICY],
        "Places of a bulkhead that are taken"),
    gauge(Row::BulkheadWaiting, "backstay_bulkhead_waiting", &[POLICY],
        "Calls that wait for a place of a bulkhead"),
    gauge(Row::BulkheadMaxInFlight, "backstay_bulkhead_max_in_flight", &[POLICY],
        "Places that a bulkhead has"),
    gauge(Row::AdaptiveLimit, "backstay_adaptive_limit", &[POLICY],
        "How many calls an adaptive limit lets in at a time; from its events too"),
    gauge(Row::AdaptiveLimitInFlight, "backstay_adaptive_limit_in_flight", &[POLICY],
        "Calls under way that an adaptive limit has let in"),
    gauge(Row::AdaptiveLimitWaiting, "backstay_adaptive_limit_waiting", &[POLICY],
        "Calls that wait for a place under an adaptive limit"),
    gauge(Row::RateLimiterWaiting, "backstay_rate_limiter_waiting", &[POLICY],
        "Calls that wait for their turn at a rate limiter"),
    gauge(Row::ServiceLimitWaiting, "backstay_service_limit_waiting", &[POLICY],
        "Calls that wait for their turn by what the service says of its limits"),
    gauge(Row::ThrottleRejection, "backstay_throttle_rejection_ratio", &[POLICY, PRIORITY],
        "The share of the calls of a priority that a throttle refuses"),
    gauge(Row::LoadShedOverloaded, "backstay_load_shed_overloaded", &[POLICY],
        "1 while a load shedder refuses what has waited too long, 0 while it does not"),
    gauge(Row::PoolWorkers, "backstay_pool_workers", &[POLICY],
        "Workers of a pool"),
    gauge(Row::PoolQueued, "backstay_pool_queued", &[POLICY],
        "Jobs that wait for a worker of a pool"),
    gauge(Row::PoolRunning, "backstay_pool_running", &[POLICY],
        "Jobs that a pool runs"),
    counter(Row::PoolJobs, "backstay_pool_jobs_total",
        &[POLICY, outcome(&["finished", "panicked", "cancelled", "dropped", "rejected"])],
        "Jobs of a pool that run no more or never will, by what has become of them"),
    gauge(Row::TasksRunning, "backstay_tasks_running", &[POLICY],
        "Tasks of a scope or shutdown that run or are about to"),
    counter(Row::Tasks, "backstay_tasks_total",
        &[POLICY, outcome(&["finished", "failed", "panicked", "aborted", "cancelled", "not_started", "lost"])],
        "Tasks of a scope or shutdown that run no more, by how they ended"),
    counter(Row::ChildStarts, "backstay_child_starts_total", &[POLICY],
        "Starts of a supervisor's children, the first ones included"),
    counter(Row::ChildExits, "backstay_child_exits_total",
        &[POLICY, outcome(&["finished", "failed", "panicked", "aborted", "lost"])],
        "Ends of a supervisor's children, by how they ended"),
    counter(Row::ChildRestarts, "backstay_child_restarts_total", &[POLICY],
        "Failures of a supervisor's children that lead to a restart"),
    counter(Row::SupervisorsGivenUp, "backstay_supervisor_give_ups_total", &[POLICY],
        "How often a supervisor gave up, after too many restarts"),
    seconds(Row::ShutdownDuration, MetricKind::Gauge, "backstay_shutdown_duration_seconds", &[POLICY],
        "How long the shutdown took from the first signal on"),
    gauge(Row::ShutdownTasks, "backstay_shutdown_tasks",
        &[POLICY, outcome(&[
            "finished", "cancelled", "aborted", "panicked", "still_blocking", "still_aborting", "refused",
        ])],
        "Tasks that ran when the shutdown began or came later, by what has become of them"),
];

// Each is where its row says.
const _: () = {
    let mut at = 0;
    while at < METRICS.len() {
        assert!(METRICS[at].row as usize == at);
        at += 1;
    }
};

const fn counter(row: Row, name: &'static str, labels: &'static [MetricLabel], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Counter, unit: None, labels, help, row }
}

const fn gauge(row: Row, name: &'static str, labels: &'static [MetricLabel], help: &'static str) -> Metric {
    Metric { name, kind: MetricKind::Gauge, unit: None, labels, help, row }
}

const fn seconds(
    row: Row,
    kind: MetricKind,
    name: &'static str,
    labels: &'static [MetricLabel],
    help: &'static str,
) -> Metric {
    Metric { name, kind, unit: Some(Unit::Seconds), labels, help, row }
}
