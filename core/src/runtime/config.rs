//! What can be asked of a runtime when it is made.

use crate::config_error::ConfigError;
use crate::settings::Rule;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// How many threads poll tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Flavor {
    /// Worker threads.
    #[default]
    MultiThread,
    /// Only the thread that is inside [`block_on`](super::BlockOn::block_on), which drives the reactor too.
    CurrentThread,
}

/// How to make a runtime, the same for every backend.
///
/// A backend honours each field that is set, or returns a [`ConfigError`] that names it. What isn't set is:
///
/// | field | default | tokio | smol | async-std |
/// |---|---|---|---|---|
/// | `flavor` | multi-thread | both | both | multi-thread |
/// | `worker_threads` | one for each core | yes | yes | yes (before its first use) |
/// | `thread_name` | the backend's | yes | yes | yes (before its first use) |
/// | `thread_stack_size` | the runtime's | yes | yes | no |
/// | `max_blocking_threads` | the runtime's (tokio 512, others 500) | yes | no | no |
///
/// Zero of anything can't be written.
///
/// # Examples
///
/// ```
/// use backstay_core::{Config, ConfigError, Flavor};
/// use backstay_async_std::AsyncStdOwner;
/// use std::num::NonZeroUsize;
///
/// let two = NonZeroUsize::new(2).unwrap();
/// let config = Config::new().worker_threads(two).thread_name("api");
/// let owner = backstay_tokio::TokioOwner::new(config)?;
///
/// let single = Config::new().flavor(Flavor::CurrentThread);
/// let refused = AsyncStdOwner::new(single).unwrap_err();
/// assert_eq!(refused.field(), Some("flavor"));
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Threads that poll tasks.
    pub worker_threads: Option<NonZeroUsize>,
    /// The name of every worker thread.
    pub thread_name: Option<String>,
    /// The stack of every worker thread, in bytes.
    pub thread_stack_size: Option<NonZeroUsize>,
    /// The most threads that run blocking jobs.
    pub max_blocking_threads: Option<NonZeroUsize>,
    /// Worker threads, or the caller's own.
    pub flavor: Flavor,
}

/// Of both kinds.
const THREADS: Rule<usize> = Rule {
    reason: "must be at least 1 and at most 16,384",
    holds: |threads| (1..=Config::MAX_THREADS).contains(threads),
};

const THREAD_NAME: Rule<String> =
    Rule { reason: "must not contain a NUL byte", holds: |name| !name.contains('\0') };

crate::settings_of_its_own!(Flavor);

crate::settings! {
    Config from Self::new();
    worker_threads: THREADS,
    thread_name: THREAD_NAME,
    thread_stack_size,
    max_blocking_threads: THREADS,
    flavor,
}

impl Config {
    /// More threads than this, of either kind, is taken for a mistake.
    pub const MAX_THREADS: usize = 16_384;

    /// Everything at its default.
    pub const fn new() -> Self {
        Self {
            worker_threads: None,
            thread_name: None,
            thread_stack_size: None,
            max_blocking_threads: None,
            flavor: Flavor::MultiThread,
        }
    }

    /// Sets the number of worker threads.
    #[must_use]
    pub fn worker_threads(mut self, threads: NonZeroUsize) -> Self {
        self.worker_threads = Some(threads);
        self
    }

    /// Sets the name of every worker thread.
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = Some(name.into());
        self
    }

    /// Sets the stack size of every worker thread, in bytes.
    #[must_use]
    pub fn thread_stack_size(mut self, bytes: NonZeroUsize) -> Self {
        self.thread_stack_size = Some(bytes);
        self
    }

    /// Sets the most threads that run blocking jobs.
    #[must_use]
    pub fn max_blocking_threads(mut self, threads: NonZeroUsize) -> Self {
        self.max_blocking_threads = Some(threads);
        self
    }

    /// Sets where tasks are polled.
    #[must_use]
    pub fn flavor(mut self, flavor: Flavor) -> Self {
        self.flavor = flavor;
        self
    }

    /// The number of worker threads this asks for: none for [`Flavor::CurrentThread`], else the number set,
    /// else one for each core.
    pub fn workers(&self) -> usize {
        match self.flavor {
            Flavor::CurrentThread => 0,
            Flavor::MultiThread => {
                self.worker_threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get)
            }
        }
    }

    /// What no backend could honour: for backends to call first.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`], naming the field: workers for a runtime that has none, more than
    /// [`MAX_THREADS`](Self::MAX_THREADS), a thread name with a NUL in it.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if let (Flavor::CurrentThread, Some(workers)) = (self.flavor, self.worker_threads) {
            let reason = "must not be set: the current-thread flavor has no workers";
            return Err(ConfigError::invalid_value("worker_threads", workers.get().into(), reason));
        }
        self.check_fields()
    }
}
