//! What calls read of a circuit breaker before anything else.

use super::Ticket;
use crate::resilience::circuit_breaker::CircuitState;
use crate::resilience::circuit_breaker::state::Machine;

/// The machine in one word:
///
/// | bits | |
/// |---|---|
/// | 0..=2 | its state |
/// | 3 | who asks before `next` is refused |
/// | 4 | a success that is not slow leaves all as it is |
/// | 5 | a success has to have a time |
/// | 32..=63 | the generation |
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(pub(super) u64);

impl Word {
    const CLOSED: u64 = 0;
    const DISABLED: u64 = 1;
    const METRICS_ONLY: u64 = 2;
    pub(super) const OPEN: u64 = 3;
    const HALF_OPEN: u64 = 4;
    pub(super) const ISOLATED: u64 = 5;
    /// Of no state: ask under the lock.
    pub(super) const UNSETTLED: Self = Self(Self::STATE);

    const STATE: u64 = 0b111;
    const FULL: u64 = 1 << 3;
    const CLEAN: u64 = 1 << 4;
    const TIMES: u64 = 1 << 5;

    pub(super) fn of(machine: &Machine) -> Self {
        let state = match machine.state() {
            CircuitState::Closed => Self::CLOSED,
            CircuitState::Disabled => Self::DISABLED,
            CircuitState::MetricsOnly => Self::METRICS_ONLY,
            CircuitState::Open => Self::OPEN,
            CircuitState::HalfOpen => Self::HALF_OPEN,
            CircuitState::Isolated => Self::ISOLATED,
        };
        let flag = |is: bool, bit: u64| if is { bit } else { 0 };
        let flags = flag(machine.is_full(), Self::FULL)
            | flag(machine.is_clean(), Self::CLEAN)
            | flag(machine.needs_times(), Self::TIMES);
        Self(state | flags | u64::from(machine.generation()) << 32)
    }

    pub(super) const fn state(self) -> u64 {
        self.0 & Self::STATE
    }

    pub(super) const fn passes_all(self) -> bool {
        self.state() <= Self::METRICS_ONLY
    }

    pub(super) const fn is_full(self) -> bool {
        self.0 & Self::FULL != 0
    }

    pub(super) const fn needs_times(self) -> bool {
        self.0 & Self::TIMES != 0
    }

    pub(super) const fn generation(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Whether a success, not slow, of a call with this ticket leaves all as it is.
    #[inline]
    pub(super) const fn is_clean_for(self, ticket: Ticket) -> bool {
        self.0 & Self::CLEAN != 0 && self.generation() == ticket.admitted.generation
    }
}
