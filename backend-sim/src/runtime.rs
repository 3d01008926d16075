//! The handle.

use crate::blocking::Job;
use crate::join::SimJoinHandle;
use crate::kernel::{Idler, Kernel};
use crate::lock::lock;
use crate::net::{HostId, Network};
use crate::sleep::SimSleep;
use crate::task::{Kind, Site};
use crate::thread;
use backstay_core::probe;
use backstay_core::runtime::SpawnSite;
use backstay_core::time::Instant;
use backstay_core::{Runtime, probe::Recorder};
use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::task::Poll;
use std::time::Duration;

/// A handle on a simulated runtime, as seen from one of its hosts.
///
/// A [`Runtime`] and a [`Net`](backstay_core::Net) like any other; what is different is that its time is virtual,
/// that one seed decides all that happens by chance, and that hosts, their network and their failures are at the
/// test's disposal.
///
/// Runs are made by a [`Builder`](crate::Builder); code that wants an owner with `block_on` uses
/// [`SimOwner`](crate::SimOwner).
///
/// # Examples
///
/// ```
/// use backstay_core::Runtime;
/// use backstay_sim::Sim;
/// use std::time::Duration;
///
/// let run = Sim::builder().seed(1).run(|rt: Sim| async move {
///     rt.sleep(Duration::from_secs(365 * 24 * 3600)).await; // takes no time
///     rt.now().since_origin()
/// })?;
/// assert_eq!(run.value, Duration::from_secs(365 * 24 * 3600));
/// # Ok::<(), backstay_sim::Failure>(())
/// ```
///
/// All that runs must run on the thread that is inside the run: a wake from another thread is heard, but when it
/// comes is nobody's choice, and nothing waits for it.
#[derive(Clone)]
pub struct Sim {
    kernel: Arc<Kernel>,
    host: HostId,
}

impl Sim {
    pub(crate) const fn new(kernel: Arc<Kernel>, host: HostId) -> Self {
        Self { kernel, host }
    }

    /// The same runtime, as seen from another host.
    pub(crate) fn on(&self, host: HostId) -> Self {
        Self { kernel: Arc::clone(&self.kernel), host }
    }

    /// Gives every blocking job that is spawned from here on a cost in virtual time: it holds its thread for so
    /// long, then runs.
    pub fn set_blocking_cost(&self, cost: Duration) {
        lock(&self.kernel.pool).cost = cost;
    }

    /// Waits until nothing else can run and nothing is due within `limit`.
    ///
    /// For a test that has dropped or aborted something and wants all that follows from it to have happened. A
    /// ticker makes it take the whole limit, which costs as many polls as there are ticks.
    pub async fn quiesce(&self, limit: Duration) {
        let until = self.now() + limit;
        let waiting = Quiescing { kernel: &self.kernel, is_idle: Arc::new(AtomicBool::new(false)) };
        poll_fn(|cx| {
            if waiting.is_idle.load(Ordering::Acquire) {
                return Poll::Ready(());
            }
            let (waker, is_idle) = (cx.waker().clone(), Arc::clone(&waiting.is_idle));
            self.kernel.wait_for_idle(Idler { until, is_idle, waker });
            probe::waiting(|| "nothing else to run".to_owned());
            Poll::Pending
        })
        .await;
    }

    /// Who listens to what the code under test tells: see [`probe`].
    pub fn recorder(&self) -> &Recorder {
        &self.kernel.recorder
    }

    pub(crate) fn network(&self) -> MutexGuard<'_, Network> {
        self.kernel.network()
    }

    pub(crate) const fn host_id(&self) -> HostId {
        self.host
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.kernel.has_ended()
    }

    pub(crate) fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }
}

/// Waits until nothing can run; dropped earlier, it waits no more.
struct Quiescing<'a> {
    kernel: &'a Kernel,
    is_idle: Arc<AtomicBool>,
}

impl Drop for Quiescing<'_> {
    fn drop(&mut self) {
        let waiting = self.kernel.stop_waiting_for_idle(&self.is_idle);
        drop(waiting);
    }
}

impl Runtime for Sim {
    type JoinHandle<T: Send + 'static> = SimJoinHandle<T>;
    type BlockingHandle<T: Send + 'static> = SimJoinHandle<T>;
    type Sleep = SimSleep;

    fn name(&self) -> &'static str {
        "sim"
    }

    #[track_caller]
    fn spawn<F>(&self, future: F) -> SimJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_from(SpawnSite::new(None, Location::caller()), future)
    }

    #[track_caller]
    fn spawn_blocking<F, T>(&self, f: F) -> SimJoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_blocking_from(SpawnSite::new(None, Location::caller()), f)
    }

    fn spawn_from<F>(&self, site: SpawnSite<'_>, future: F) -> SimJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.kernel.spawn(self.host.index(), site_of(site, Kind::Task), |_| future)
    }

    fn spawn_blocking_from<F, T>(&self, site: SpawnSite<'_>, f: F) -> SimJoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let kernel = &self.kernel;
        kernel.spawn(self.host.index(), site_of(site, Kind::Job), |task| Job::new(kernel, task, f))
    }

    fn now(&self) -> Instant {
        self.kernel.now()
    }

    fn sleep_until(&self, at: Instant) -> SimSleep {
        SimSleep::new(Arc::clone(&self.kernel), self.kernel.end_of_sleep(at))
    }

    fn random_u64(&self) -> u64 {
        self.kernel.random_u64()
    }

    /// A blocking job waits in virtual time, and the run goes on; a thread that is no part of the run waits for it in
    /// real time.
    ///
    /// # Panics
    ///
    /// In a task that would have to wait.
    fn block_thread<F: Future>(&self, future: F) -> F::Output {
        thread::block(&self.kernel, future)
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        let base = self.kernel.base();
        base.checked_add(at.since_origin()).unwrap_or_else(|| base + FAR)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        Instant::ORIGIN + at.saturating_duration_since(self.kernel.base())
    }
}

/// As far ahead as every platform's clock can tell, for instants that it can't.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

fn site_of(site: SpawnSite<'_>, kind: Kind) -> Site {
    Site { name: site.name().map(Into::into), location: site.location(), kind }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("host", &self.host).field("now", &self.now()).finish_non_exhaustive()
    }
}
