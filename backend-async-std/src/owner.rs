//! What sizes the process's async-std, and blocks on it.

use crate::pool;
use crate::runtime::AsyncStd;
use async_std::task;
use backstay_core::{BlockOn, Config, ConfigError, Flavor};

const BACKEND: &str = "async-std";

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

impl AsyncStdOwner {
    /// Starts async-std as configured, or takes the one that runs.
    ///
    /// A handle that is used first starts it with the defaults. Code that uses async-std itself before that
    /// does too, and nobody can tell: then a configuration that asks for something else is accepted and has no
    /// effect. Make the owner first.
    ///
    /// # Errors
    ///
    /// What [`Config::validate`] refuses; [`ConfigError::Unsupported`], naming the field, for what async-std
    /// can't do and for what the first owner of the process decided otherwise; [`ConfigError::Start`] where
    /// the operating system refuses threads.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.validate()?;
        supported(&config)?;
        let started =
            pool::start(&config).map_err(|source| ConfigError::Start { backend: BACKEND, source })?;
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
