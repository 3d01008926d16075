//! What policies do, as counters, histograms and gauges of the facade `metrics`.

mod keys;
mod snapshot;
mod table;

pub use snapshot::Snapshot;
pub use table::{METRICS, Metric, MetricKind, MetricLabel};

use super::names;
use crate::resilience::{CircuitState, Event, EventKind, Health, Observer};
use keys::{Keys, Source};
use std::fmt;
use std::sync::Arc;
use table::Row;

/// An [`Observer`] that counts and times all that policies tell, through the facade
/// [`metrics`](https://docs.rs/metrics), and records what they and others are at.
///
/// What there is to see, with names, labels and units, is in [`METRICS`], and nothing else is emitted. Each has a label
/// `policy`, the name of the pipeline or policy; all other values of labels are from lists in that table. So there are
/// so many series as there are names, times a number that is known: nothing that a user sends makes one.
///
/// A clone is the same observer, for several pipelines and policies.
///
/// Where it all goes is the program's choice: `metrics` has a global recorder, and until one is set everything goes
/// nowhere. The recorder is looked up anew for each event, so that it does not matter which is made first, it or the
/// pipelines; and so that [`with_local_recorder`](https://docs.rs/metrics/0.24/metrics/fn.with_local_recorder.html)
/// serves a test.
///
/// # Cost
///
/// For each event a lock for reading that is held while a name is looked up, and what the recorder does to find the two
/// or three series, once each. Nothing is allocated for a series that was there before. A recorder that panics is the
/// call's panic, as of any observer.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::observe::Metrics;
/// use backstay_core::resilience::Pipeline;
/// use metrics_util::debugging::{DebugValue, DebuggingRecorder};
///
/// let recorder = DebuggingRecorder::new(); // a program installs its exporter's
/// metrics::with_local_recorder(&recorder, || {
///     Metrics::describe();
///     Sim::builder().run(|rt: Sim| async move {
///         let metrics = Metrics::new();
///         let users = Pipeline::named("users").observer(metrics.clone()).build(&rt).unwrap();
///         users.call(async |_| Ok::<_, std::io::Error>(())).await.unwrap();
///     })
/// })?;
/// let recorded = recorder.snapshotter().snapshot().into_vec();
/// let calls = recorded.iter().find(|(key, ..)| key.key().name() == "backstay_calls_total").unwrap();
/// let labels = calls.0.key().labels().map(|label| (label.key(), label.value())).collect::<Vec<_>>();
/// assert_eq!(labels, [("policy", "users"), ("verdict", "success")]);
/// assert_eq!(calls.3, DebugValue::Counter(1));
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "prometheus")]
#[doc(alias = "telemetry")]
#[derive(Clone, Default)]
pub struct Metrics {
    keys: Arc<Keys>,
}

impl Metrics {
    /// One that has emitted nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the recorder what each metric of [`METRICS`] means and its unit: once, when the recorder is set.
    ///
    /// An exporter writes it beside the values, as Prometheus' `# HELP`.
    pub fn describe() {
        METRICS.iter().for_each(Metric::describe);
    }

    /// Records what something is at: a pool, a bulkhead, a breaker, tasks, and what else is a [`Snapshot`].
    ///
    /// For what has no events: to be called when the metrics are about to be read, or at intervals. `policy` is the
    /// value of that label, a policy's own name if it has one. Two things under one name overwrite each other.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::observe::Metrics;
    /// use backstay_core::task::WorkerPool;
    /// use std::time::Duration;
    ///
    /// Sim::builder().run(|rt: Sim| async move {
    ///     let metrics = Metrics::new();
    ///     let pool = WorkerPool::builder().build(&rt).unwrap();
    ///     // In the handler of `/metrics`, or:
    ///     let mut ticks = backstay_core::time::ticker(&rt, Duration::from_secs(15)).build().unwrap();
    ///     for _ in 0..2 {
    ///         metrics.record("thumbnails", &pool.stats());
    ///         ticks.tick().await;
    ///     }
    /// })?;
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn record(&self, policy: &'static str, what: &(impl Snapshot + ?Sized)) {
        what.record(&self.keys.source(policy));
    }
}

impl Observer for Metrics {
    fn on_event(&self, event: &Event) {
        let source = &*self.keys.source(event.source);
        match event.kind {
            EventKind::Retrying { .. } => source.count(Row::Retries, &[], 1),
            EventKind::RetriesExhausted { why, .. } => {
                source.count(Row::RetriesExhausted, &[names::stop(why)], 1);
            }
            EventKind::Hedging { cause, .. } => source.count(Row::Hedges, &[names::hedge_cause(cause)], 1),
            EventKind::HedgeWon { .. } => source.count(Row::HedgesWon, &[], 1),
            EventKind::Rejected(rejected) => {
                let (kind, reason) = (names::kind(rejected.policy()), names::reason(rejected.reason()));
                source.count(Row::Rejections, &[kind, reason], 1);
            }
            EventKind::TimedOut { scope, .. } => source.count(Row::Timeouts, &[names::scope(scope)], 1),
            EventKind::Waited { policy, waited } => {
                source.time(Row::QueueWait, &[names::kind(policy)], waited);
            }
            EventKind::FellBack => source.count(Row::Fallbacks, &[], 1),
            EventKind::Injected { chaos } => source.count(Row::Chaos, &[names::chaos_kind(chaos)], 1),
            EventKind::StoreFailed { cause, instead } => {
                let labels = [names::store_failure(cause), names::on_store_failure(instead)];
                source.count(Row::StoreFailures, &labels, 1);
            }
            EventKind::CircuitChanged { to, .. } => {
                source.count(Row::CircuitChanges, &[names::circuit_state(to)], 1);
                source.circuit_is(to);
            }
            EventKind::LimitChanged { to, .. } => source.gauge(Row::AdaptiveLimit, &[], to as f64),
            EventKind::HealthChanged { to, .. } => {
                source.count(Row::HealthChanges, &[names::health(to)], 1);
                source.health_is(to);
            }
            EventKind::Completed { verdict, attempts, elapsed } => {
                let verdict = [names::verdict(verdict)];
                source.count(Row::Calls, &verdict, 1);
                source.count(Row::Attempts, &[], attempts.into());
                source.time(Row::CallDuration, &verdict, elapsed);
            }
        }
    }
}

impl Source {
    /// One for the state that it is in, zero for each other.
    fn circuit_is(&self, state: CircuitState) {
        self.is_one_of(Row::CircuitState, names::CIRCUIT_STATES, names::circuit_state(state));
    }

    /// As of a circuit.
    fn health_is(&self, health: Health) {
        self.is_one_of(Row::HealthState, names::HEALTH_STATES, names::health(health));
    }

    fn is_one_of(&self, row: Row, all: &[&'static str], this: &str) {
        for &state in all {
            self.gauge(row, &[state], f64::from(u8::from(state == this)));
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
