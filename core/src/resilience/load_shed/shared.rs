//! What the handles of a load shedder share.

use super::report::LoadShedMetrics;
use super::state::{Machine, Rules};
use crate::instant::Instant;
use crate::primitives::{Mutex, lock};
use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::priority::Priority;
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use std::time::Duration;

pub(super) struct Shared {
    name: &'static str,
    observed: Observed,
    machine: Mutex<Machine>,
}

impl Shared {
    pub(super) fn new(name: &'static str, rules: Rules, observed: Observed) -> Self {
        Self { name, observed, machine: Mutex::new(Machine::new(rules)) }
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    pub(super) fn admit(&self, waited: Duration, priority: Priority, now: Instant) -> Result<(), Rejected> {
        let is_served = lock(&self.machine).admit(waited, priority, now);
        if is_served { Ok(()) } else { Err(self.refuse()) }
    }

    pub(super) fn metrics(&self, now: Instant) -> LoadShedMetrics {
        lock(&self.machine).metrics(now)
    }

    pub(super) fn rules(&self) -> Rules {
        lock(&self.machine).rules()
    }

    pub(super) fn reconfigure(&self, rules: Rules, now: Instant) {
        lock(&self.machine).reconfigure(rules, now);
    }

    #[cold]
    fn refuse(&self) -> Rejected {
        let rejected = Rejected::new(PolicyKind::LoadShed, self.name, Reason::Overloaded);
        if let Some(observer) = self.observed.get() {
            observer.on_event(&Event { source: self.name, kind: EventKind::Rejected(rejected) });
        }
        rejected
    }
}
