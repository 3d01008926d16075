//! What a circuit breaker has counted.

use super::state::View;
use super::states::CircuitState;

/// What a circuit breaker has counted, at one instant.
///
/// Successes that leave a full window as it is are not counted one by one, so there is no count of all calls since the
/// start: a pipeline's [`call.completed`](super::super::EventKind::Completed) has that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitMetrics {
    /// Its state, as a call would find it.
    pub state: CircuitState,
    /// Calls in the window; of a half-open breaker its probes that have ended, and of an open one the calls that made
    /// it open.
    pub calls: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many of them were slow.
    pub slow_calls: u64,
    /// How many of the latest calls failed one after the other.
    pub consecutive_failures: u32,
    /// Probes that are under way.
    pub probes_in_flight: u32,
    /// How often it has opened.
    pub openings: u64,
    /// Calls that ended in another state than they had begun in, and so counted for nothing.
    pub late: u64,
}

impl CircuitMetrics {
    /// The part of the calls that failed, within 0..=1; zero of none.
    pub fn failure_rate(&self) -> f64 {
        rate(self.failures, self.calls)
    }

    /// The part of the calls that were slow, within 0..=1; zero of none.
    pub fn slow_call_rate(&self) -> f64 {
        rate(self.slow_calls, self.calls)
    }
}

impl From<View> for CircuitMetrics {
    fn from(view: View) -> Self {
        Self {
            state: view.state,
            calls: view.calls.calls,
            failures: view.calls.failures,
            slow_calls: view.calls.slow,
            consecutive_failures: view.consecutive,
            probes_in_flight: view.probes_in_flight,
            openings: view.openings,
            late: view.late,
        }
    }
}

fn rate(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}
