//! What policies do, as events.

use super::names;
use crate::resilience::{CircuitState, Event, EventKind, Health, Observer};
use tracing::{debug, info, warn};

/// An [`Observer`] that makes an event of `tracing` of all that policies tell, in the span of whoever made the call.
///
/// All have the target `backstay::policy`, a message for people, and the fields `policy`, the name of the pipeline or
/// policy, and `event`, the [`name`](EventKind::name) of what has happened. Times are in seconds; the other values are
/// in `snake_case`, as those of metrics are.
///
/// | event | level | fields beside |
/// |---|---|---|
/// | `call.completed` | `DEBUG` | `verdict`, `attempts`, `elapsed_seconds` |
/// | `queue.waited` | `DEBUG` | `kind`, `waited_seconds` |
/// | `limit.changed` | `DEBUG` | `from`, `to` |
/// | `retry.scheduled` | `INFO` | `attempt`, `delay_seconds` |
/// | `retry.exhausted` | `WARN` | `attempts`, `reason` |
/// | `hedge.started` | `INFO` | `hedge`, `cause` |
/// | `hedge.won` | `INFO` | `hedge` |
/// | `rejected` | `WARN` | `kind`, `reason`, `retry_after_seconds` if it is known |
/// | `timed_out` | `WARN` | `scope`, `limit_seconds` |
/// | `fallback.used` | `WARN` | |
/// | `chaos.injected` | `INFO` | `chaos` |
/// | `store.failed` | `WARN` | `cause`, `instead` |
/// | `circuit.changed` | `WARN` where calls are refused from then on, else `INFO` | `from`, `to`, `reason` |
/// | `health.changed` | `WARN` where it is unhealthy, else `INFO` | `from`, `to`, `probes` |
///
/// # Cost
///
/// Without a subscriber, or with one that does not want the level, an atomic load or two.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::observe::Tracing;
/// use backstay_core::resilience::{Pipeline, Retry};
///
/// Sim::builder().run(|rt: Sim| async move {
///     let users = Pipeline::named("users").observer(Tracing::new()).retry(Retry::default()).build(&rt).unwrap();
///     // INFO backstay::policy: attempt 1 failed, the next in 73ms policy="users" event="retry.scheduled" ..
///     assert!(users.call(async |_| Err::<(), _>("down")).await.is_err());
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "log")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracing {
    _private: (),
}

impl Tracing {
    /// One.
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

impl Observer for Tracing {
    fn on_event(&self, event: &Event) {
        let Event { source, kind } = event;
        macro_rules! tell {
            ($level:ident, $($fields:tt)*) => {
                $level!(target: "backstay::policy", policy = source, event = kind.name(), $($fields)*, "{kind}")
            };
        }
        match *kind {
            EventKind::Retrying { attempt, delay } => {
                tell!(info, attempt, delay_seconds = delay.as_secs_f64());
            }
            EventKind::RetriesExhausted { attempts, why } => {
                tell!(warn, attempts, reason = names::stop(why));
            }
            EventKind::Hedging { hedge, cause } => {
                tell!(info, hedge, cause = names::hedge_cause(cause));
            }
            EventKind::HedgeWon { hedge } => tell!(info, hedge),
            EventKind::Rejected(rejected) => {
                let (policy_kind, reason) =
                    (names::kind(rejected.policy()), names::reason(rejected.reason()));
                let retry_after = rejected.retry_after().map(|after| after.as_secs_f64());
                tell!(warn, kind = policy_kind, reason, retry_after_seconds = retry_after);
            }
            EventKind::TimedOut { scope, limit } => {
                tell!(warn, scope = names::scope(scope), limit_seconds = limit.as_secs_f64());
            }
            EventKind::Waited { policy, waited } => {
                tell!(debug, kind = names::kind(policy), waited_seconds = waited.as_secs_f64());
            }
            EventKind::FellBack => {
                warn!(target: "backstay::policy", policy = source, event = kind.name(), "{kind}");
            }
            EventKind::Injected { chaos } => tell!(info, chaos = names::chaos_kind(chaos)),
            EventKind::StoreFailed { cause, instead } => {
                let (cause, instead) = (names::store_failure(cause), names::on_store_failure(instead));
                tell!(warn, cause, instead);
            }
            EventKind::CircuitChanged { from, to, reason } => {
                let (from, name) = (names::circuit_state(from), names::circuit_state(to));
                let reason = names::circuit_reason(reason);
                match to {
                    CircuitState::Open | CircuitState::Isolated => tell!(warn, from, to = name, reason),
                    _ => tell!(info, from, to = name, reason),
                }
            }
            EventKind::LimitChanged { from, to } => tell!(debug, from, to),
            EventKind::HealthChanged { from, to, probes } => {
                let (from, name) = (names::health(from), names::health(to));
                match to {
                    Health::Unhealthy => tell!(warn, from, to = name, probes),
                    _ => tell!(info, from, to = name, probes),
                }
            }
            EventKind::Completed { verdict, attempts, elapsed } => {
                let verdict = names::verdict(verdict);
                tell!(debug, verdict, attempts, elapsed_seconds = elapsed.as_secs_f64());
            }
        }
    }
}
