//! The owner of the threads.

use crate::driver::{Crew, Stop, Threads, driven, stop};
use crate::runtime::Smol;
use async_io::block_on;
use backstay_core::{BlockOn, Config, ConfigError, Flavor};
use smol::Executor;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const BACKEND: &str = "smol";

/// Owns a smol executor and its threads.
///
/// Dropping it ends the runtime and drops its tasks. It waits for the workers to finish the polls they are in,
/// at most [`SHUTDOWN_WAIT`](Self::SHUTDOWN_WAIT) in all; on a thread that runs tasks of a smol runtime it
/// doesn't wait, and the workers end by themselves.
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
    handle: Smol,
    // `None` only while it is being dropped.
    crew: Option<Crew>,
    flavor: Flavor,
    stop: Option<Stop>,
    // Disconnected once every thread of the crew has ended. The mutex is there to make it `Sync`.
    ended: Mutex<Receiver<()>>,
}

impl SmolOwner {
    /// The name of the workers unless the configuration has one.
    pub const THREAD_NAME: &str = "backstay-smol";

    /// How long a drop waits at most.
    pub const SHUTDOWN_WAIT: Duration = Duration::from_secs(1);

    /// Starts a runtime.
    ///
    /// # Errors
    ///
    /// What [`Config::validate`] refuses; [`ConfigError::Unsupported`] for `max_blocking_threads`, and for a
    /// name or stack of workers where there are none; [`ConfigError::Start`] where the operating system
    /// refuses threads.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        supported(&config)?;
        let (stop, stopped) = stop();
        let (ending, ended) = channel();
        let threads = Threads {
            name: config.thread_name.clone().unwrap_or_else(|| Self::THREAD_NAME.to_owned()),
            stack_size: config.thread_stack_size.map(NonZeroUsize::get),
        };
        let crew = Crew { executor: Arc::new(Executor::new()), threads: Arc::new(threads), ending };
        for _ in 0..config.workers() {
            // On an error `stop` is dropped, and those that have started stop.
            crew.clone()
                .worker(stopped.clone())
                .map_err(|source| ConfigError::Start { backend: BACKEND, source })?;
        }
        Ok(Self {
            handle: Smol::new(&crew.executor),
            crew: Some(crew),
            flavor: config.flavor,
            stop: Some(stop),
            ended: Mutex::new(ended),
        })
    }
}

fn supported(config: &Config) -> Result<(), ConfigError> {
    let unsupported = |field, reason| Err(ConfigError::unsupported(BACKEND, field, reason));
    if config.max_blocking_threads.is_some() {
        return unsupported(
            "max_blocking_threads",
            "its pool belongs to the process; set the environment variable BLOCKING_MAX_THREADS",
        );
    }
    if config.flavor == Flavor::CurrentThread {
        if config.thread_name.is_some() {
            return unsupported("thread_name", "the current-thread flavor starts no thread to name");
        }
        if config.thread_stack_size.is_some() {
            return unsupported("thread_stack_size", "the current-thread flavor starts no thread");
        }
    }
    Ok(())
}

impl BlockOn for SmolOwner {
    type Runtime = Smol;

    fn runtime(&self) -> &Smol {
        &self.handle
    }

    /// Runs `future` to its end on the calling thread; with [`Flavor::CurrentThread`] it runs the tasks too.
    ///
    /// Inside a task of a smol runtime, this one's or another's, it works: a thread that is started for the
    /// while runs that runtime's tasks in place of the one that blocks.
    ///
    /// # Panics
    ///
    /// If `future` does; and inside a task, where the operating system refuses the thread.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let Some(own) = &self.crew else { unreachable!("taken by drop only") };
        let outer = driven();
        let nested_in_own = outer.as_ref().is_some_and(|outer| Arc::ptr_eq(&outer.executor, &own.executor));
        let _substitute = outer.map(substitute);
        if self.flavor == Flavor::CurrentThread && !nested_in_own {
            own.drive(future)
        } else {
            block_on(future)
        }
    }
}

/// Starts a worker for tasks whose own thread is about to block.
fn substitute(crew: Crew) -> Stop {
    let (stop, stopped) = stop();
    match crew.worker(stopped) {
        Ok(()) => stop,
        Err(error) => panic!(
            "block_on inside a task needs a thread to run the other tasks meanwhile, and there is none: {error}; \
             await the future instead, or call block_on from spawn_blocking"
        ),
    }
}

impl Drop for SmolOwner {
    fn drop(&mut self) {
        self.stop = None;
        self.crew = None;
        if driven().is_none() {
            // Nothing is ever sent: either the workers have all ended, or it has taken too long.
            let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
            let _ = ended.recv_timeout(Self::SHUTDOWN_WAIT);
        }
    }
}
