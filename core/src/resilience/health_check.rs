//! Whether a service works, asked again and again (recipe 8.6).

mod config;
pub(super) mod health;
mod state;

pub use config::{HealthCheckBuilder, HealthCheckConfig};
pub use health::Health;

use super::observer::{Event, EventKind, Observed};
use super::rate::Rate;
use crate::channel::watch;
use crate::runtime::Runtime;
use crate::task::{CancelToken, Cancelled};
use state::{Change, Machine};
use std::convert::Infallible;
use std::panic::{self, AssertUnwindSafe};
use std::thread;
use std::time::Duration;

/// Probes a service at intervals, and says whether it works.
///
/// The first probe decides at once; from then on it takes so many in a row to change the view, so that one lost packet
/// makes nothing unhealthy, and one lucky answer nothing healthy. A probe has a time limit. Between two probes passes
/// an interval, with a jitter.
///
/// [`status`](Self::status) gives a handle to read what it knows and to wait for a change. When nobody probes any more,
/// since [`run`](Self::run) was cancelled or dropped or the probe has panicked, it knows nothing: nobody goes on
/// trusting what was so an hour ago.
///
/// Use something else where calls are made anyway: a circuit breaker learns from them, without a probe. The thresholds
/// are those of HAProxy (`rise` and `fall`); that the first probe decides is Envoy's.
///
/// # Cost
///
/// No task of its own: the loop is a future. A change allocates, a probe that changes nothing does not.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::resilience::{Health, HealthCheck};
/// use backstay_core::task::CancelToken;
/// use std::time::Duration;
///
/// Sim::builder().run(|rt: Sim| async move {
///     let mut check = HealthCheck::named("db").interval(Duration::from_secs(5)).build().expect("it is good");
///     let mut status = check.status();
///     let token = CancelToken::new();
///     let task = rt.spawn({
///         let (rt, token) = (rt.clone(), token.clone());
///         async move { check.run(&rt, &token, || async { Ok::<_, std::io::Error>(()) }).await }
///     });
///     status.wait_for(|health| *health == Health::Healthy).await.expect("it is probed");
///
///     token.cancel();
///     task.await.expect("no panic");
///     assert_eq!(*status.borrow(), Health::Unknown);
/// })?;
/// # Ok::<(), Failure>(())
/// ```
#[derive(Debug)]
pub struct HealthCheck {
    name: &'static str,
    interval: Duration,
    timeout: Duration,
    jitter: Rate,
    machine: Machine,
    status: watch::Sender<Health>,
    observed: Observed,
    // While its observer is called; and after that has panicked, until the next probe.
    is_telling: bool,
}

impl HealthCheck {
    /// Begins a health check of that name, for its events.
    pub const fn named(name: &'static str) -> HealthCheckBuilder {
        HealthCheckBuilder::new(name)
    }

    fn new(
        name: &'static str,
        interval: Duration,
        timeout: Duration,
        jitter: Rate,
        machine: Machine,
        observed: Observed,
    ) -> Self {
        let (status, _) = watch::channel(machine.health());
        Self { name, interval, timeout, jitter, machine, status, observed, is_telling: false }
    }

    /// What it knows now.
    pub const fn health(&self) -> Health {
        self.machine.health()
    }

    /// What it knows, to be read and waited for by anybody, also while it runs.
    pub fn status(&self) -> watch::Receiver<Health> {
        self.status.subscribe()
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// A probe has passed or failed: what [`run`](Self::run) does after each, for those who have a loop of their own.
    /// Gives what it knows now.
    pub fn record(&mut self, passed: bool) -> Health {
        self.is_telling = false;
        let change = self.machine.record(passed);
        self.tell(change);
        self.machine.health()
    }

    /// Probes until the token is cancelled, the first time at once; gives why it was.
    ///
    /// A probe passes if its future is `Ok` within the time limit.
    ///
    /// # Cancel safety
    ///
    /// Dropped, or cancelled by the token, it drops the probe that is under way, and the health is
    /// [`Unknown`](Health::Unknown). It can run again.
    ///
    /// # Panics
    ///
    /// If the probe or the observer does; the health is `Unknown` then. An observer that has panicked is not told of it.
    pub async fn run<R, P, Fut, T, E>(&mut self, rt: &R, token: &CancelToken, mut probe: P) -> Cancelled
    where
        R: Runtime,
        P: FnMut() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let probing = Probing(self);
        let forever = async {
            loop {
                let began = rt.now();
                let passed = matches!(rt.timeout(probing.0.timeout, probe()).await, Ok(Ok(_)));
                probing.0.record(passed);
                let next = began + probing.0.pause(rt.random_u64());
                if next > rt.now() {
                    rt.sleep_until(next).await;
                } else {
                    // Others have their turn, however short the interval.
                    rt.yield_now().await;
                }
            }
        };
        let Err(cancelled): Result<Infallible, _> = token.run(forever).await;
        cancelled
    }

    /// The interval, with its jitter.
    fn pause(&self, random: u64) -> Duration {
        let longest = self.interval.saturating_add(self.jitter.random_of(self.interval, u64::MAX));
        longest.saturating_sub(2 * self.jitter.random_of(self.interval, random))
    }

    fn tell(&mut self, change: Option<Change>) {
        let Some(Change { from, to, probes }) = change else { return };
        self.status.send_replace(to);
        if let Some(observer) = self.observed.get()
            && !self.is_telling
        {
            let kind = EventKind::HealthChanged { from, to, probes };
            self.is_telling = true;
            observer.on_event(&Event { source: self.name, kind });
            self.is_telling = false;
        }
    }
}

/// While somebody probes; then nothing is known any more.
struct Probing<'a>(&'a mut HealthCheck);

impl Drop for Probing<'_> {
    fn drop(&mut self) {
        let change = self.0.machine.forget();
        let tell = AssertUnwindSafe(|| self.0.tell(change));
        if !thread::panicking() {
            return tell();
        }
        // An observer that panics too would take the process with it.
        let _ = panic::catch_unwind(tell);
    }
}
