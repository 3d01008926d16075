//! What is not told by events.

use super::keys::Source;
use super::table::Row;
use crate::resilience::{
    AdaptiveLimit, Bulkhead, CircuitMetrics, Health, LoadShedMetrics, RateLimiter, ServiceLimit,
    ThrottleMetrics,
};
use crate::task::{ChildExit, PoolStats, ShutdownReport, SupervisorEvent, TaskCounts};

/// What [`Metrics::record`](super::Metrics::record) takes.
///
/// | what | to be had from | when |
/// |---|---|---|
/// | [`PoolStats`] | [`WorkerPool::stats`](crate::task::WorkerPool::stats) | when metrics are read |
/// | [`Bulkhead`], [`AdaptiveLimit`], [`RateLimiter`], [`ServiceLimit`] | themselves | when metrics are read |
/// | [`CircuitMetrics`] | [`CircuitBreaker::metrics`](crate::resilience::CircuitBreaker::metrics) | when metrics are read; changes of state are events too |
/// | [`ThrottleMetrics`] | [`Throttle::metrics`](crate::resilience::Throttle::metrics), for each priority | when metrics are read |
/// | [`LoadShedMetrics`] | [`LoadShed::metrics`](crate::resilience::LoadShed::metrics) | when metrics are read |
/// | [`Health`] | [`HealthCheck::status`](crate::resilience::HealthCheck::status) | once at the start; then there are events |
/// | [`TaskCounts`] | [`Shutdown::counts`](crate::task::Shutdown::counts), [`TaskScope::counts`](crate::task::TaskScope::counts) | when metrics are read |
/// | [`SupervisorEvent`] | [`Supervisor::events`](crate::task::Supervisor::events) | each as it comes, once; what a receiver has missed is in no counter |
/// | [`ShutdownReport`] | [`Shutdown::run`](crate::task::Shutdown::run) | at the end |
///
/// Counts that the thing itself keeps are set and not added to, so that it does not matter how often they are recorded.
///
/// Sealed.
pub trait Snapshot {
    #[doc(hidden)]
    fn record(&self, source: &Source);
}

impl Snapshot for PoolStats {
    fn record(&self, source: &Source) {
        source.gauge(Row::PoolWorkers, &[], self.workers as f64);
        source.gauge(Row::PoolQueued, &[], self.queued as f64);
        source.gauge(Row::PoolRunning, &[], self.running as f64);
        let outcomes = [
            ("finished", self.finished),
            ("panicked", self.panicked),
            ("cancelled", self.cancelled),
            ("dropped", self.dropped),
            ("rejected", self.rejected),
        ];
        for (outcome, jobs) in outcomes {
            source.counted(Row::PoolJobs, &[outcome], jobs);
        }
    }
}

impl Snapshot for Bulkhead {
    fn record(&self, source: &Source) {
        source.gauge(Row::BulkheadInFlight, &[], self.in_flight() as f64);
        source.gauge(Row::BulkheadWaiting, &[], self.waiting() as f64);
        source.gauge(Row::BulkheadMaxInFlight, &[], self.max_in_flight() as f64);
    }
}

impl Snapshot for AdaptiveLimit {
    fn record(&self, source: &Source) {
        source.gauge(Row::AdaptiveLimit, &[], self.limit() as f64);
        source.gauge(Row::AdaptiveLimitInFlight, &[], self.in_flight() as f64);
        source.gauge(Row::AdaptiveLimitWaiting, &[], self.waiting() as f64);
    }
}

impl Snapshot for RateLimiter {
    fn record(&self, source: &Source) {
        source.gauge(Row::RateLimiterWaiting, &[], self.waiting() as f64);
    }
}

impl<H> Snapshot for ServiceLimit<H> {
    fn record(&self, source: &Source) {
        source.gauge(Row::ServiceLimitWaiting, &[], self.waiting() as f64);
    }
}

impl Snapshot for CircuitMetrics {
    fn record(&self, source: &Source) {
        source.circuit_is(self.state);
        source.gauge(Row::CircuitFailures, &[], self.failure_rate());
        source.gauge(Row::CircuitSlowCalls, &[], self.slow_call_rate());
    }
}

impl Snapshot for ThrottleMetrics {
    fn record(&self, source: &Source) {
        source.gauge(Row::ThrottleRejection, &[self.priority.as_str()], self.rejection_probability);
    }
}

impl Snapshot for LoadShedMetrics {
    fn record(&self, source: &Source) {
        source.gauge(Row::LoadShedOverloaded, &[], f64::from(u8::from(self.is_overloaded)));
    }
}

impl Snapshot for Health {
    fn record(&self, source: &Source) {
        source.health_is(*self);
    }
}

impl Snapshot for TaskCounts {
    fn record(&self, source: &Source) {
        source.gauge(Row::TasksRunning, &[], self.running as f64);
        let outcomes = [
            ("finished", self.finished),
            ("failed", self.failed),
            ("panicked", self.panicked),
            ("aborted", self.aborted),
            ("cancelled", self.cancelled),
            ("not_started", self.not_started),
            ("lost", self.lost),
        ];
        for (outcome, tasks) in outcomes {
            source.counted(Row::Tasks, &[outcome], tasks);
        }
    }
}

impl<E> Snapshot for SupervisorEvent<E> {
    fn record(&self, source: &Source) {
        match self {
            Self::Started { .. } => source.count(Row::ChildStarts, &[], 1),
            Self::Exited { exit, .. } => {
                let outcome = match **exit {
                    ChildExit::Finished => "finished",
                    ChildExit::Failed(_) => "failed",
                    ChildExit::Panicked(_) => "panicked",
                    ChildExit::Aborted => "aborted",
                    ChildExit::RuntimeEnded => "lost",
                };
                source.count(Row::ChildExits, &[outcome], 1);
            }
            Self::Restarting { .. } => source.count(Row::ChildRestarts, &[], 1),
            Self::GaveUp { .. } => source.count(Row::SupervisorsGivenUp, &[], 1),
            Self::Stopped => {}
        }
    }
}

impl Snapshot for ShutdownReport {
    fn record(&self, source: &Source) {
        source.gauge(Row::ShutdownDuration, &[], self.elapsed.as_secs_f64());
        let outcomes = [
            ("finished", self.finished.len()),
            ("cancelled", self.cancelled.len()),
            ("aborted", self.aborted.len()),
            ("panicked", self.panicked.len()),
            ("still_blocking", self.still_blocking.len()),
            ("still_aborting", self.still_aborting.len()),
        ];
        for (outcome, tasks) in outcomes {
            source.gauge(Row::ShutdownTasks, &[outcome], tasks as f64);
        }
        source.gauge(Row::ShutdownTasks, &["refused"], self.refused as f64);
    }
}
