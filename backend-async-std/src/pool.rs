//! The process's one pool of worker threads.

use async_global_executor::{GlobalExecutorConfig, init_with_config};
use backstay_core::Config;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// The name of the workers unless the configuration has one: async-std's own.
const NAME: &str = "async-std/runtime";

/// What the process's async-std was started with by one of us, or that it could not be: async-std itself
/// doesn't tell, and starts only once.
static STARTED: OnceLock<Result<Started, Refused>> = OnceLock::new();

#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) workers: usize,
    pub(crate) thread_name: String,
}

/// The operating system refused a thread.
#[derive(Debug)]
struct Refused;

/// Starts the pool as configured, unless it runs; tells what it was started with.
pub(crate) fn start(config: &Config) -> io::Result<&'static Started> {
    let started = STARTED.get_or_init(|| {
        let workers = config.workers();
        let thread_name = config.thread_name.clone().unwrap_or_else(|| NAME.to_owned());
        let name = thread_name.clone();
        // No variable is named: the number is the configuration's, whatever the environment says.
        let executor = GlobalExecutorConfig::default()
            .with_env_var("")
            .with_min_threads(workers)
            .with_max_threads(workers)
            .with_thread_name_fn(move || name.clone());
        match catch_unwind(AssertUnwindSafe(|| init_with_config(executor))) {
            Ok(()) => Ok(Started { workers, thread_name }),
            Err(_) => Err(Refused),
        }
    });
    started.as_ref().map_err(|Refused| io::Error::other("the operating system refused a thread"))
}

/// Starts the pool with the defaults, unless it runs.
#[inline]
pub(crate) fn ensure_started() {
    if STARTED.get().is_none() {
        // There is nobody to tell if it can't be: without workers, tasks wait for ever, as async-std's do.
        let _ = start(&Config::new());
    }
}
