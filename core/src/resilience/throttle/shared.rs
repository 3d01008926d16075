//! What the handles of a throttle share: the machine under a lock, and a flag that makes the lock unnecessary for who
//! asks while all goes well.

use super::report::ThrottleMetrics;
use super::state::{Machine, Rules};
use super::window::Window;
use crate::instant::Instant;
use crate::primitives::{AtomicU8, Mutex, Ordering, lock};
use crate::resilience::observer::{Event, EventKind, Observed};
use crate::resilience::priority::Priority;
use crate::resilience::rejected::{PolicyKind, Reason, Rejected};
use crate::resilience::verdict::Verdict;

pub(super) struct Shared {
    name: &'static str,
    observed: Observed,
    // 1 if nothing in the window has failed or was refused, as far as the last who had the lock knows: what is forgotten
    // since can only make it so. Written under the lock.
    is_clean: AtomicU8,
    machine: Mutex<Machine>,
}

impl Shared {
    pub(super) fn new(name: &'static str, machine: Machine, observed: Observed) -> Self {
        Self { name, observed, is_clean: AtomicU8::new(1), machine: Mutex::new(machine) }
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether a call may be made. The clock is read, and a random number drawn, only if it may not for certain.
    #[inline]
    pub(super) fn acquire(
        &self,
        priority: Priority,
        now_and_random: impl FnOnce() -> (Instant, u64),
    ) -> Result<(), Rejected> {
        if self.is_clean() {
            return Ok(());
        }
        let (now, random) = now_and_random();
        self.acquire_slowly(priority, now, random)
    }

    #[cold]
    #[inline(never)]
    fn acquire_slowly(&self, priority: Priority, now: Instant, random: u64) -> Result<(), Rejected> {
        let mut machine = lock(&self.machine);
        let admitted = machine.admit(priority, now, random);
        self.publish(&machine);
        drop(machine);
        if admitted { Ok(()) } else { Err(self.refuse()) }
    }

    /// A call has ended.
    #[inline]
    pub(super) fn record(&self, priority: Priority, verdict: Verdict, now: impl FnOnce() -> Instant) {
        let is_accepted = match verdict {
            // To send it less often would not make it succeed: the service has looked at it, and answered.
            Verdict::Success | Verdict::Fatal => true,
            Verdict::Failure { .. } => false,
            Verdict::Ignore => return,
        };
        let now = now();
        let mut machine = lock(&self.machine);
        machine.record(priority, is_accepted, now);
        if !(is_accepted && self.is_clean()) {
            self.publish(&machine);
        }
    }

    pub(super) fn metrics(&self, priority: Priority, now: Instant) -> ThrottleMetrics {
        lock(&self.machine).metrics(priority, now)
    }

    pub(super) fn rules(&self) -> Rules {
        lock(&self.machine).rules()
    }

    pub(super) fn reconfigure(&self, rules: Rules, window: Window, now: Instant) {
        let mut machine = lock(&self.machine);
        machine.reconfigure(rules, window, now);
        self.publish(&machine);
    }

    #[inline]
    fn is_clean(&self) -> bool {
        self.is_clean.load(Ordering::Relaxed) != 0
    }

    /// Under the lock: who sees it late makes one call more, or asks the machine.
    fn publish(&self, machine: &Machine) {
        let is_clean = machine.is_clean();
        if self.is_clean() != is_clean {
            self.is_clean.store(is_clean.into(), Ordering::Relaxed);
        }
    }

    #[cold]
    fn refuse(&self) -> Rejected {
        let rejected = Rejected::new(PolicyKind::Throttle, self.name, Reason::Throttled);
        if let Some(observer) = self.observed.get() {
            observer.on_event(&Event { source: self.name, kind: EventKind::Rejected(rejected) });
        }
        rejected
    }
}
