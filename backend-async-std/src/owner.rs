//! What sizes the process's async-std, and blocks on it.

use crate::runtime::AsyncStd;
use async_global_executor::GlobalExecutorConfig;
use async_std::task;
use backstay_core::{BlockOn, Config, ConfigError, Flavor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

const BACKEND: &str = "async-std";
const NAME: &str = "async-std/runtime";

/// The right to block on the process's async-std, and the place that sizes it.
///
/// async-std is one for the process and starts once, so the first owner's configuration holds: a later one
/// that asks for the same, or for nothing, is fine, and one that asks for something else gets an error.
/// Dropping an owner ends nothing.
///
/// # Examples
///
/// ```
/// use backstay_async_std::AsyncStdOwner;
/// use backstay_core::Config;
/// use std::num::NonZeroUsize;
///
/// let two = NonZeroUsize::new(2).unwrap();
/// let owner = AsyncStdOwner::new(Config::new().worker_threads(two))?;
///
/// let three = NonZeroUsize::new(3).unwrap();
/// let late = AsyncStdOwner::new(Config::new().worker_threads(three)).unwrap_err();
/// assert_eq!(late.field(), Some("worker_threads"));
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct AsyncStdOwner {
    handle: AsyncStd,
}

/// What the process's async-std was started with, if an owner started it: async-std itself doesn't tell.
static STARTED: OnceLock<Started> = OnceLock::new();

struct Started {
    workers: usize,
    thread_name: String,
}

impl AsyncStdOwner {
    /// Starts async-std as configured, or takes the one that runs.
    ///
    /// Where async-std was used before the first owner was made, it runs with its own defaults, and a
    /// configuration that asks for others can't be told apart from one that holds: make the owner first.
    ///
    /// # Errors
    ///
    /// What [`Config::validate`] refuses; [`ConfigError::Unsupported`], naming the field, for what async-std
    /// can't do and for what the first owner of the process decided otherwise; [`ConfigError::Start`] where
    /// the operating system refuses threads.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        supported(&config)?;
        let started = start(&config)?;
        let unsupported = |field, reason| Err(ConfigError::unsupported(BACKEND, field, reason));
        if config.worker_threads.is_some_and(|workers| workers.get() != started.workers) {
            return unsupported("worker_threads", "async-std already runs with another number of threads");
        }
        if config.thread_name.is_some_and(|name| name != started.thread_name) {
            return unsupported("thread_name", "async-std already runs with threads of another name");
        }
        Ok(Self { handle: AsyncStd::new() })
    }
}

fn supported(config: &Config) -> Result<(), ConfigError> {
    let unsupported = |field, reason| Err(ConfigError::unsupported(BACKEND, field, reason));
    if config.flavor != Flavor::MultiThread {
        return unsupported("flavor", "async-std always has worker threads; smol and tokio can do without");
    }
    if config.thread_stack_size.is_some() {
        return unsupported("thread_stack_size", "async-std's workers have the default stack");
    }
    if config.max_blocking_threads.is_some() {
        return unsupported(
            "max_blocking_threads",
            "its pool belongs to the process; set the environment variable BLOCKING_MAX_THREADS",
        );
    }
    Ok(())
}

fn start(config: &Config) -> Result<&'static Started, ConfigError> {
    let started = STARTED.get_or_init(|| Started {
        workers: config.workers(),
        thread_name: config.thread_name.clone().unwrap_or_else(|| NAME.to_owned()),
    });
    // Only the first call of the process starts threads. The variable named here doesn't exist: the number
    // is this configuration's.
    let executor = GlobalExecutorConfig::default()
        .with_env_var("")
        .with_min_threads(started.workers)
        .with_max_threads(started.workers)
        .with_thread_name_fn(|| started.thread_name.clone());
    match catch_unwind(AssertUnwindSafe(|| async_global_executor::init_with_config(executor))) {
        Ok(()) => Ok(started),
        Err(_) => Err(ConfigError::Start {
            backend: BACKEND,
            source: std::io::Error::other("the operating system refused a thread"),
        }),
    }
}

impl BlockOn for AsyncStdOwner {
    type Runtime = AsyncStd;

    fn runtime(&self) -> &AsyncStd {
        &self.handle
    }

    /// Runs `future` to its end on the calling thread.
    ///
    /// # Panics
    ///
    /// Inside a task of async-std: it would block one of its workers, and where all are blocked nothing runs.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        assert!(
            task::try_current().is_none(),
            "block_on inside a task of async-std would block one of its worker threads for good: await the \
             future instead, or call block_on from spawn_blocking"
        );
        task::block_on(future)
    }
}
