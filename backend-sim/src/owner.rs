//! What drives a simulated runtime.

use crate::executor::Executor;
use crate::kernel::Kernel;
use crate::report::{Failure, Replay};
use crate::runtime::Sim;
use crate::sim::Builder;
use backstay_core::{BlockOn, Config, ConfigError};
use std::fmt;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

/// What drives a simulated runtime: everything runs on the thread that is inside [`block_on`](BlockOn::block_on).
///
/// For code that takes any owner. A test uses [`Builder::run`], which also checks that nothing is left over and
/// gives a failure as a value.
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
    /// A simulated runtime with the seed 0, the random schedule and no faults; [`Sim::builder`] makes others.
    ///
    /// # Errors
    ///
    /// What [`Config::validate`] refuses; [`ConfigError::Unsupported`], naming the field, for what makes no sense
    /// without threads: more than one worker, a thread's name, its stack.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Builder::new().config(&config)?.build()
    }

    pub(crate) const fn from_parts(rt: Sim, executor: Executor, replay: Replay) -> Self {
        Self { rt, replay, executor: Mutex::new(executor) }
    }

    pub(crate) fn kernel(&self) -> &Arc<Kernel> {
        self.rt.kernel()
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

    /// Drops every task, in an order that the schedule chooses.
    pub(crate) fn end(&mut self) {
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
    /// [`Builder`] is reached. Inside a run: it would wait for itself. A panic of `future` is passed on.
    #[track_caller]
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let location = Location::caller();
        let mut output = None;
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
