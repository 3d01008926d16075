//! The owner of the threads.

use crate::runtime::Smol;
use async_io::block_on;
use backstay_core::{BlockOn, Config, ConfigError, Flavor};
use smol::Executor;
use smol::channel::{Receiver, Sender, bounded};
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};

const BACKEND: &str = "smol";

/// Owns a smol executor and its threads.
///
/// Dropping it ends the runtime and drops its tasks. It waits for the workers to finish the polls they are in;
/// inside one of its own tasks it doesn't wait, and the workers end by themselves.
///
/// # Examples
///
/// ```
/// use backstay_core::{BlockOn, Config, Runtime};
/// use backstay_smol::SmolOwner;
/// use std::num::NonZeroUsize;
///
/// let config = Config::new().worker_threads(NonZeroUsize::MIN).thread_name("jobs");
/// let owner = SmolOwner::new(config)?;
/// let rt = owner.runtime().clone();
/// let name = owner.block_on(async move {
///     rt.spawn(async { std::thread::current().name().map(str::to_owned) }).await.unwrap()
/// });
/// assert_eq!(name.as_deref(), Some("jobs"));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct SmolOwner {
    executor: Arc<Executor<'static>>,
    handle: Smol,
    flavor: Flavor,
    workers: Vec<JoinHandle<()>>,
    // Dropping it closes the channel, which stops the workers.
    stop: Option<Sender<()>>,
}

impl SmolOwner {
    /// The name of the workers unless the configuration has one.
    pub const THREAD_NAME: &str = "backstay-smol";

    /// Starts a runtime.
    ///
    /// # Errors
    ///
    /// What [`Config::validate`] refuses; [`ConfigError::Unsupported`] for `max_blocking_threads`;
    /// [`ConfigError::Start`] where the operating system refuses threads.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        if config.max_blocking_threads.is_some() {
            return Err(ConfigError::unsupported(
                BACKEND,
                "max_blocking_threads",
                "its pool belongs to the process; set the environment variable BLOCKING_MAX_THREADS",
            ));
        }
        let executor = Arc::new(Executor::new());
        let (stop, stopped) = bounded(1);
        // Threads that have started stop by themselves when this is dropped on an error.
        let mut owner = Self {
            handle: Smol::new(&executor),
            executor,
            flavor: config.flavor,
            workers: Vec::new(),
            stop: Some(stop),
        };
        for _ in 0..config.workers() {
            let worker = start(&config, Arc::clone(&owner.executor), stopped.clone())
                .map_err(|source| ConfigError::Start { backend: BACKEND, source })?;
            owner.workers.push(worker);
        }
        Ok(owner)
    }

    fn is_worker(&self, thread: ThreadId) -> bool {
        self.workers.iter().any(|worker| worker.thread().id() == thread)
    }
}

fn start(
    config: &Config,
    executor: Arc<Executor<'static>>,
    stopped: Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let name = config.thread_name.clone().unwrap_or_else(|| SmolOwner::THREAD_NAME.to_owned());
    let mut builder = thread::Builder::new().name(name);
    if let Some(bytes) = config.thread_stack_size {
        builder = builder.stack_size(bytes.get());
    }
    builder.spawn(move || work(&executor, &stopped))
}

/// Runs tasks until told to stop.
fn work(executor: &Executor<'static>, stopped: &Receiver<()>) {
    let run = || {
        block_on(executor.run(async {
            // Nothing is ever sent: this ends when the channel closes.
            let _ = stopped.recv().await;
        }));
    };
    // A task can't panic here, but the destructor of a detached task's value can.
    while catch_unwind(AssertUnwindSafe(run)).is_err() {}
}

impl BlockOn for SmolOwner {
    type Runtime = Smol;

    fn runtime(&self) -> &Smol {
        &self.handle
    }

    /// Runs `future` to its end on the calling thread.
    ///
    /// The thread runs tasks too where nobody else might: with [`Flavor::CurrentThread`], and inside one of
    /// this runtime's own tasks, so that it works there as well.
    ///
    /// # Panics
    ///
    /// Only if `future` does.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        if self.flavor == Flavor::CurrentThread || self.is_worker(thread::current().id()) {
            block_on(self.executor.run(future))
        } else {
            block_on(future)
        }
    }
}

impl Drop for SmolOwner {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.is_worker(thread::current().id()) {
            return;
        }
        for worker in mem::take(&mut self.workers) {
            // An error would be a panic of `work`, which has none.
            let _ = worker.join();
        }
    }
}
