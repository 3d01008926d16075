//! The process's one pool of worker threads.

use async_global_executor::{GlobalExecutorConfig, init_with_config};
use backstay_core::Config;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// The name of the workers unless the configuration has one: async-std's own.
const NAME: &str = "async-std/runtime";

/// What the process's async-std was started with by one of us: async-std itself doesn't tell.
static STARTED: OnceLock<Started> = OnceLock::new();

#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) workers: usize,
    pub(crate) thread_name: String,
}

/// Starts the pool as configured, unless it runs; tells what it was started with.
pub(crate) fn start(config: &Config) -> io::Result<&'static Started> {
    if let Some(started) = STARTED.get() {
        return Ok(started);
    }
    let started = STARTED.get_or_init(|| Started {
        workers: config.workers(),
        thread_name: config.thread_name.clone().unwrap_or_else(|| NAME.to_owned()),
    });
    // Only the first call of the process starts threads. No variable is named: the number is the
    // configuration's, whatever the environment says.
    let executor = GlobalExecutorConfig::default()
        .with_env_var("")
        .with_min_threads(started.workers)
        .with_max_threads(started.workers)
        .with_thread_name_fn(|| started.thread_name.clone());
    catch_unwind(AssertUnwindSafe(|| init_with_config(executor)))
        .map_err(|_| io::Error::other("the operating system refused a thread"))?;
    Ok(started)
}

/// Starts the pool with the defaults, unless it runs.
#[inline]
pub(crate) fn ensure_started() {
    if STARTED.get().is_none() {
        // Without threads there is nobody to tell: the tasks wait until async-std gets some.
        let _ = start(&Config::new());
    }
}
