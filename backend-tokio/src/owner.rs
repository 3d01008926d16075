//! The owner of the threads.

use crate::context::Context;
use crate::runtime::Tokio;
use backstay_core::runtime::Panic;
use backstay_core::{BlockOn, Config, ConfigError, Flavor};
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, RuntimeFlavor};
use tokio::task::block_in_place;

const BACKEND: &str = "tokio";

/// Owns a tokio runtime.
///
/// Dropping it ends the runtime and drops its tasks. It waits for the workers and the blocking jobs to stop, at
/// most [`SHUTDOWN_WAIT`](Self::SHUTDOWN_WAIT) in all; on a thread that is inside tokio it doesn't wait.
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
    /// How long a drop waits at most.
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
    }
    if let Some(threads) = config.max_blocking_threads {
        builder.max_blocking_threads(threads.get());
    }
    probe(config)?;
    builder.build()
}

/// Sees whether the threads can be had, all at once: where one can't, tokio panics, and then waits for ever for
/// those that it did get. Somebody else may still take them meanwhile.
fn probe(config: &Config) -> io::Result<()> {
    // A current-thread runtime has a thread once it has a blocking job.
    let threads = config.workers().max(1);
    let (hold, held) = channel::<()>();
    let held = Mutex::new(held);
    thread::scope(|scope| {
        let hold = hold;
        let start = || {
            let mut builder = thread::Builder::new();
            if let Some(bytes) = config.thread_stack_size {
                builder = builder.stack_size(bytes.get());
            }
            builder.spawn_scoped(scope, || drop(held.lock().map(|held| held.recv())))
        };
        let started = (0..threads).map(|_| start()).collect::<io::Result<Vec<_>>>();
        drop(hold);
        // Each is gone for the operating system too once it is joined, which the end of a scope doesn't wait for.
        started?.into_iter().for_each(|thread| drop(thread.join()));
        Ok(())
    })
}

impl BlockOn for TokioOwner {
    type Runtime = Tokio;

    fn runtime(&self) -> &Tokio {
        &self.handle
    }

    /// Runs `future` to its end on the calling thread.
    ///
    /// Inside a multi-threaded tokio runtime it works: the calling worker hands its tasks to a thread of the
    /// pool for blocking jobs (of which `max_blocking_threads` must leave one).
    ///
    /// # Panics
    ///
    /// On a thread that drives a current-thread tokio runtime or a `LocalSet`, which nothing else could drive
    /// meanwhile; the message says what to do. If `future` does.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        match Handle::try_current() {
            Err(_) => self.native().block_on(future),
            Ok(current) => self.block_on_inside(&current, future),
        }
    }
}

impl TokioOwner {
    /// Inside tokio it depends on the thread whether it may block. Only tokio knows, and tells by panicking.
    fn block_on_inside<F: Future>(&self, current: &Handle, future: F) -> F::Output {
        let entered = Cell::new(false);
        let run = || {
            self.native().block_on(async {
                entered.set(true);
                future.await
            })
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| match current.runtime_flavor() {
            RuntimeFlavor::MultiThread => block_in_place(run),
            _ => run(),
        }));
        match outcome {
            Ok(output) => output,
            Err(payload) if entered.get() => resume_unwind(payload),
            Err(payload) => panic!(
                "{}; block_on would block a thread that runs tasks: await the future instead, or call block_on \
                 from spawn_blocking",
                Panic::new(payload).message().unwrap_or_default()
            ),
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
