//! The owner of the threads.

use crate::context::Context;
use crate::runtime::Tokio;
use backstay_core::{BlockOn, Config, ConfigError, Flavor};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::task::block_in_place;

const BACKEND: &str = "tokio";

/// Owns a tokio runtime.
///
/// Dropping it ends the runtime and drops its tasks. It waits for the workers to stop, and at most
/// [`SHUTDOWN_WAIT`](Self::SHUTDOWN_WAIT) in all if blocking jobs still run; inside async code it doesn't
/// wait.
///
/// # Examples
///
/// ```
/// use backstay_core::{BlockOn, Config, Flavor, Runtime};
/// use backstay_tokio::TokioOwner;
///
/// let owner = TokioOwner::new(Config::new().flavor(Flavor::CurrentThread))?;
/// let rt = owner.runtime().clone();
/// assert_eq!(owner.block_on(async move { rt.spawn(async { 1 }).await.unwrap() }), 1);
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct TokioOwner {
    // `None` only while it is being dropped.
    runtime: Option<tokio::runtime::Runtime>,
    handle: Tokio,
}

impl TokioOwner {
    /// How long a drop waits for blocking jobs that still run.
    pub const SHUTDOWN_WAIT: Duration = Duration::from_secs(1);

    /// Starts a runtime.
    ///
    /// # Errors
    ///
    /// What [`Config::validate`] refuses, and [`ConfigError::Start`] where the operating system refuses
    /// threads.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        let runtime = start(&config).map_err(|source| ConfigError::Start { backend: BACKEND, source })?;
        let handle = Tokio::new(Context::new(runtime.handle().clone()));
        Ok(Self { runtime: Some(runtime), handle })
    }

    fn native(&self) -> &tokio::runtime::Runtime {
        match &self.runtime {
            Some(runtime) => runtime,
            None => unreachable!("taken by drop only"),
        }
    }
}

fn start(config: &Config) -> io::Result<tokio::runtime::Runtime> {
    let mut builder = match config.flavor {
        Flavor::CurrentThread => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.enable_all();
    if config.flavor == Flavor::MultiThread {
        builder.worker_threads(config.workers());
    }
    if let Some(name) = &config.thread_name {
        builder.thread_name(name);
    }
    if let Some(bytes) = config.thread_stack_size {
        builder.thread_stack_size(bytes.get());
        // tokio panics where a thread can't be had; an impossible size is refused here.
        std::thread::Builder::new().stack_size(bytes.get()).spawn(|| ())?;
    }
    if let Some(threads) = config.max_blocking_threads {
        builder.max_blocking_threads(threads.get());
    }
    catch_unwind(AssertUnwindSafe(|| builder.build()))
        .unwrap_or_else(|_| Err(io::Error::other("the operating system refused a thread")))
}

impl BlockOn for TokioOwner {
    type Runtime = Tokio;

    fn runtime(&self) -> &Tokio {
        &self.handle
    }

    /// Runs `future` to its end on the calling thread.
    ///
    /// Inside a multi-threaded tokio runtime it works: the calling worker hands its tasks to another thread.
    ///
    /// # Panics
    ///
    /// On a thread that drives a current-thread tokio runtime, which nothing else could drive meanwhile; the
    /// message, tokio's own, says to await the future instead. If `future` panics.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => block_in_place(|| self.native().block_on(future)),
            _ => self.native().block_on(future),
        }
    }
}

impl Drop for TokioOwner {
    fn drop(&mut self) {
        self.handle.context().set_ended();
        if let Some(runtime) = self.runtime.take() {
            if Handle::try_current().is_ok() {
                runtime.shutdown_background();
            } else {
                runtime.shutdown_timeout(Self::SHUTDOWN_WAIT);
            }
        }
    }
}
