//! What drives a simulated runtime.

use crate::executor::{Executor, Waiting};
use crate::kernel::Kernel;
use crate::report::{Failure, FailureKind, Replay};
use crate::runtime::Sim;
use crate::wakes::Running;
use backstay_core::BlockOn;
use backstay_core::runtime::Panic;
use backstay_core::time::Instant;
use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

/// What drives a simulated runtime: everything runs on the thread that is inside [`block_on`](BlockOn::block_on).
///
/// For code that takes any owner. A test uses [`Builder::run`](crate::Builder::run), which also checks that nothing
/// is left over and gives a failure as a value.
///
/// # Examples
///
/// ```
/// use backstay_core::{BlockOn, Config, Runtime};
/// use backstay_sim::SimOwner;
/// use std::time::Duration;
///
/// let owner = SimOwner::new(Config::new())?;
/// let rt = owner.runtime().clone();
/// owner.block_on(async move { rt.sleep(Duration::from_secs(3600)).await });
/// assert_eq!(owner.runtime().now().since_origin(), Duration::from_secs(3600));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
pub struct SimOwner {
    rt: Sim,
    pub(crate) replay: Replay,
    // Locked while a run is inside.
    executor: Mutex<Executor>,
}

impl SimOwner {
    pub(crate) const fn from_parts(rt: Sim, executor: Executor, replay: Replay) -> Self {
        Self { rt, replay, executor: Mutex::new(executor) }
    }

    pub(crate) fn kernel(&self) -> &Arc<Kernel> {
        self.rt.kernel()
    }

    /// While this lives, what is dropped on this thread is so inside the run, where no task may block.
    pub(crate) fn enter(&self) -> Running {
        Running::enter(&self.kernel().wakes)
    }

    /// Runs `root` to its end, or says why that is out of reach.
    pub(crate) fn drive(
        &self,
        location: &'static Location<'static>,
        root: Pin<&mut (dyn Future<Output = ()> + '_)>,
    ) -> Result<(), Failure> {
        let mut executor = match self.executor.try_lock() {
            Ok(executor) => executor,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => panic!(
                "block_on inside a simulated run: everything runs on one thread, which would wait for itself; \
                 await the future instead"
            ),
        };
        let kernel = self.kernel();
        let result = kernel.recorder.clone().listen(|| executor.run(kernel, location, root));
        result.map_err(|(stuck, waiting)| self.replay.stuck(stuck, waiting, kernel, &executor))
    }

    /// The executor, while no run is inside.
    pub(crate) fn executor(&mut self) -> &mut Executor {
        self.executor.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The report of a run whose future panicked.
    pub(crate) fn panicked(&mut self, payload: Box<dyn Any + Send>) -> Failure {
        let kernel = self.kernel().clone();
        let replay = self.replay.clone();
        // What panicked can't be asked any more.
        self.executor().remove_root(&kernel);
        let waiting = self.waiting();
        let kind = FailureKind::Panicked(Panic::new(payload));
        replay.report(kind, waiting, &kernel, self.executor(), kernel.recorder.held())
    }

    /// Runs what is left until `until`, and reports what is left then, but for what may be.
    pub(crate) fn run_down(&mut self, until: Instant, allowed: &[String]) -> Result<(), Failure> {
        let kernel = self.kernel().clone();
        let replay = self.replay.clone();
        let result = kernel.recorder.clone().listen(|| self.executor().run_down(&kernel, until));
        let is_allowed = |name: &str| allowed.iter().any(|allowed| allowed == name);
        let held: Vec<_> = kernel.recorder.held().into_iter().filter(|label| !is_allowed(label)).collect();
        let mut waiting = if self.executor().tasks().next().is_none() { Vec::new() } else { self.waiting() };
        waiting.retain(|waiting| !waiting.site.name.as_deref().is_some_and(is_allowed));
        if waiting.is_empty() && held.is_empty() {
            return Ok(());
        }
        Err(match result {
            Ok(()) => replay.report(FailureKind::Leak, waiting, &kernel, self.executor(), held),
            // What is left does not even come to rest.
            Err(stuck) => replay.stuck(stuck, waiting, &kernel, self.executor()),
        })
    }

    fn waiting(&mut self) -> Vec<Waiting> {
        let kernel = self.kernel().clone();
        kernel.recorder.clone().listen(|| self.executor().waiting(&kernel, &mut None))
    }

    /// Drops every task, in an order that the schedule chooses.
    pub(crate) fn end(&mut self) {
        let _inside = self.enter();
        let kernel = Arc::clone(self.kernel());
        self.executor().end(&kernel);
    }
}

impl BlockOn for SimOwner {
    type Runtime = Sim;

    fn runtime(&self) -> &Sim {
        &self.rt
    }

    /// Runs `future` to its end, and with it all that is ready or due until then.
    ///
    /// # Panics
    ///
    /// With a report where the future can't end: nothing can run any more (a deadlock), or one of the limits of
    /// [`Builder`](crate::Builder) is reached. Inside a run: it would wait for itself. A panic of `future` is passed on.
    #[track_caller]
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let location = Location::caller();
        let mut output = None;
        let _inside = self.enter();
        let result = self.drive(location, pin!(async { output = Some(future.await) }));
        if let Err(failure) = result {
            panic!("{failure}");
        }
        output.expect("a run without a failure ends with the future's end")
    }
}

impl Drop for SimOwner {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for SimOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimOwner").field("runtime", &self.rt).finish_non_exhaustive()
    }
}
