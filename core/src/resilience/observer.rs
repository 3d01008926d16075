//! What policies tell whoever watches.

use super::chaos::injection::ChaosKind;
use super::circuit_breaker::states::{CircuitReason, CircuitState};
use super::error::{Scope, Stop};
use super::health_check::health::Health;
use super::rejected::{PolicyKind, Rejected};
use super::shared_rate_limiter::failure::{OnStoreFailure, StoreFailure};
use super::verdict::Verdict;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Is told what policies do.
///
/// What happens to a call is told to the observer of its pipeline; what happens to a policy that calls share, such as
/// a circuit breaker that opens, to the policy's own. That of a bulkhead or a limiter hears of all who were refused or
/// had to wait there, in whatever pipeline or in none, with the policy's name as the source. A closure `Fn(&Event)` is
/// one. Without an observer nothing is made, not even the event.
///
/// A call that is dropped, or ended by a token or by a panic, has no result, and there is no
/// [`Completed`](EventKind::Completed) of it; who drops calls and wants to count that does so there. (It is as in
/// resilience4j, whose operators give back the permit of who cancels, and publish nothing. To call an observer from
/// a destructor would let it panic during a panic, which ends the process.)
///
/// It is called in the task that made the event happen, with no lock held, so that it may use the policies itself. It
/// should be quick; a panic of it is the call's. An `Arc` of one is one, for several pipelines and policies; a pair of
/// them is one that tells both.
///
/// | event | [`name`](EventKind::name) | a counter of it is |
/// |---|---|---|
/// | [`EventKind::Retrying`] | `retry.scheduled` | retries |
/// | [`EventKind::RetriesExhausted`] | `retry.exhausted` | calls given up |
/// | [`EventKind::Hedging`] | `hedge.started` | hedges, by why there is one |
/// | [`EventKind::HedgeWon`] | `hedge.won` | hedges whose result was returned |
/// | [`EventKind::Rejected`] | `rejected` | refusals, by policy and reason |
/// | [`EventKind::TimedOut`] | `timed_out` | time limits hit, by scope |
/// | [`EventKind::Waited`] | `queue.waited` | calls that had to wait for a turn and got it, by policy; its time is a histogram |
/// | [`EventKind::FellBack`] | `fallback.used` | answers that are not the operation's |
/// | [`EventKind::Injected`] | `chaos.injected` | calls that chaos struck, by what happened to them |
/// | [`EventKind::StoreFailed`] | `store.failed` | calls for which a store gave no answer, by why and by what was done instead |
/// | [`EventKind::CircuitChanged`] | `circuit.changed` | changes of a breaker's state, by the state it is in then |
/// | [`EventKind::LimitChanged`] | `limit.changed` | nothing: what it says is a gauge |
/// | [`EventKind::HealthChanged`] | `health.changed` | changes of what a health check finds, by what it finds then |
/// | [`EventKind::Completed`] | `call.completed` | calls, by verdict; its time is a histogram |
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::resilience::{CircuitBreaker, Event, Observer, Pipeline};
/// use std::sync::{Arc, Mutex};
///
/// #[derive(Default)]
/// struct Log(Mutex<Vec<String>>);
///
/// impl Observer for Log {
///     fn on_event(&self, event: &Event) {
///         self.0.lock().unwrap().push(format!("{} {}", event.source, event.kind.name()));
///     }
/// }
///
/// Sim::builder().run(|rt: Sim| async move {
///     let log = Arc::new(Log::default());
///     let breaker = CircuitBreaker::named("db").consecutive_failures(1).observer(Arc::clone(&log)).build().unwrap();
///     let users = Pipeline::named("users").observer(Arc::clone(&log)).breaker(&breaker).build(&rt).unwrap();
///     for _ in 0..2 {
///         assert!(users.call(async |_| Err::<(), _>("down")).await.is_err());
///     }
///     let told = ["db circuit.changed", "users call.completed", "users rejected", "users call.completed"];
///     assert_eq!(*log.0.lock().unwrap(), told);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
pub trait Observer: Send + Sync {
    /// It has happened.
    fn on_event(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> Observer for F {
    fn on_event(&self, event: &Event) {
        self(event);
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn on_event(&self, event: &Event) {
        (**self).on_event(event);
    }
}

/// Both are told, the first one first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn on_event(&self, event: &Event) {
        self.0.on_event(event);
        self.1.on_event(event);
    }
}

/// Something has happened, and to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// The name of the pipeline, or of the policy.
    pub source: &'static str,
    /// What.
    pub kind: EventKind,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// An attempt failed, and there will be another.
    Retrying {
        /// Which attempt failed, from one.
        attempt: u32,
        /// How long until the next.
        delay: Duration,
    },
    /// An attempt failed, and there will be no other.
    RetriesExhausted {
        /// How many there were.
        attempts: u32,
        /// Why there will be no other.
        why: Stop,
    },
    /// The operation is called once more in the same attempt.
    Hedging {
        /// Which hedge it is, from one.
        hedge: u32,
        /// Why.
        cause: HedgeCause,
    },
    /// A hedge was the first that succeeded.
    HedgeWon {
        /// Which it was, from one.
        hedge: u32,
    },
    /// A policy refused a call.
    Rejected(Rejected),
    /// A time limit was hit.
    TimedOut {
        /// Whose time.
        scope: Scope,
        /// How much of it there was.
        limit: Duration,
    },
    /// A call has got the turn that it had to wait for. Who found its turn free is not told of, and has waited for no
    /// time.
    Waited {
        /// For which policy's.
        policy: PolicyKind,
        /// How long it waited: none of it is the operation's time.
        waited: Duration,
    },
    /// An answer was needed that is not the operation's.
    FellBack,
    /// Chaos has struck a call.
    Injected {
        /// What happens to it.
        chaos: ChaosKind,
    },
    /// The store of a shared limiter gave no answer to a call: told to the limiter's own observer.
    StoreFailed {
        /// Why.
        cause: StoreFailure,
        /// Who decides instead.
        instead: OnStoreFailure,
    },
    /// A circuit breaker has changed its state: told to its own observer.
    CircuitChanged {
        /// What it was.
        from: CircuitState,
        /// What it is.
        to: CircuitState,
        /// Why.
        reason: CircuitReason,
    },
    /// An adaptive limit has another size: told to its own observer.
    LimitChanged {
        /// What it was.
        from: usize,
        /// What it is.
        to: usize,
    },
    /// A health check has come to another view: told to its own observer.
    HealthChanged {
        /// What it was.
        from: Health,
        /// What it is.
        to: Health,
        /// How many probes in a row spoke for it; zero where nobody probes any more.
        probes: u32,
    },
    /// A call of a pipeline has ended with a result; of one that was dropped nothing is told.
    Completed {
        /// What its result says of the service.
        verdict: Verdict,
        /// How often the operation was called.
        attempts: u32,
        /// How long it took, waiting included.
        elapsed: Duration,
    },
}

/// Why there is a hedge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HedgeCause {
    /// The one before it has taken as long as its delay.
    Delay,
    /// One has failed.
    Failure,
}

impl fmt::Display for HedgeCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delay => "the call before it takes long",
            Self::Failure => "one has failed",
        })
    }
}

impl EventKind {
    /// Its name for logs and metrics, the same in all versions.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Retrying { .. } => "retry.scheduled",
            Self::RetriesExhausted { .. } => "retry.exhausted",
            Self::Hedging { .. } => "hedge.started",
            Self::HedgeWon { .. } => "hedge.won",
            Self::Rejected(_) => "rejected",
            Self::TimedOut { .. } => "timed_out",
            Self::Waited { .. } => "queue.waited",
            Self::FellBack => "fallback.used",
            Self::Injected { .. } => "chaos.injected",
            Self::StoreFailed { .. } => "store.failed",
            Self::CircuitChanged { .. } => "circuit.changed",
            Self::LimitChanged { .. } => "limit.changed",
            Self::HealthChanged { .. } => "health.changed",
            Self::Completed { .. } => "call.completed",
        }
    }
}

/// For a log: `users: attempt 1 failed, the next in 100ms`.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.source.is_empty() {
            write!(f, "{}: ", self.source)?;
        }
        self.kind.fmt(f)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retrying { attempt, delay } => write!(f, "attempt {attempt} failed, the next in {delay:?}"),
            Self::RetriesExhausted { attempts, why } => write!(f, "gave up after attempt {attempts}: {why}"),
            Self::Hedging { hedge, cause } => write!(f, "hedge {hedge}: {cause}"),
            Self::HedgeWon { hedge } => write!(f, "hedge {hedge} was the first"),
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::TimedOut { scope, limit } => scope.describe(*limit, f),
            Self::Waited { policy, waited } => write!(f, "waited {waited:?} for the {policy}"),
            Self::FellBack => f.write_str("the answer is the fallback's"),
            Self::Injected { chaos } => write!(f, "chaos: {chaos}"),
            Self::StoreFailed { cause, instead } => write!(f, "{cause}: {instead}"),
            Self::CircuitChanged { from, to, reason } => write!(f, "{from} -> {to}: {reason}"),
            Self::LimitChanged { from, to } => write!(f, "{from} -> {to} at a time"),
            Self::HealthChanged { from, to, probes: 0 } => write!(f, "{from} -> {to}: nobody probes"),
            Self::HealthChanged { from, to, probes: 1 } => write!(f, "{from} -> {to}: by 1 probe"),
            Self::HealthChanged { from, to, probes } => write!(f, "{from} -> {to}: by {probes} probes"),
            Self::Completed { verdict, attempts, elapsed } => {
                write!(f, "{verdict:?} after {attempts} attempts in {elapsed:?}")
            }
        }
    }
}

/// A policy's observer, if it has one.
#[derive(Clone, Default)]
pub(super) struct Observed(Option<Arc<dyn Observer>>);

impl Observed {
    pub(super) const NONE: Self = Self(None);

    pub(super) fn by(observer: impl Observer + 'static) -> Self {
        Self(Some(Arc::new(observer)))
    }

    /// Both are told, this one first.
    pub(super) fn and(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(first), Some(second)) => Self::by((first, second)),
            (first, second) => Self(first.or(second)),
        }
    }

    pub(super) fn get(&self) -> Option<&dyn Observer> {
        self.0.as_deref()
    }
}

/// For another policy of the same observer.
impl Observer for Observed {
    fn on_event(&self, event: &Event) {
        if let Some(observer) = self.get() {
            observer.on_event(event);
        }
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "observed" } else { "not observed" })
    }
}
