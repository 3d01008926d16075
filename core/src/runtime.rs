//! What backstay asks of a runtime, and what it gives back.
//!
//! A runtime is a **value** that is passed along: a cheap handle, cloned at will. Nothing finds its runtime in a
//! global or a thread-local. Who owns the threads holds something else, an owner, which is the only thing that
//! has [`block_on`](BlockOn::block_on).
//!
//! ```
//! use backstay_core::runtime::{BlockOn, Config, Runtime};
//! use backstay_tokio::TokioOwner;
//! use std::time::Duration;
//!
//! let owner = TokioOwner::new(Config::new())?;
//! let rt = owner.runtime().clone();
//! let sum = owner.block_on(async move {
//!     let a = rt.spawn(async { 1 });
//!     let b = rt.spawn_blocking(|| 2);
//!     a.await.unwrap() + b.await.unwrap()
//! });
//! assert_eq!(sum, 3);
//! # Ok::<(), backstay_core::ConfigError>(())
//! ```
//!
//! What every backend promises is written down as the rules C1 to C22 of [`conformance`] (feature
//! `conformance`), each of them a test that a third party's backend can run too. For writing a backend there
//! are ready parts in [`backend`].
#![cfg_attr(not(feature = "conformance"), doc = "\n[`conformance`]: https://docs.rs/backstay-core")]

mod any;
pub mod backend;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod join;
mod park;
mod site;
mod sleep;
pub(crate) mod timeout;
mod yield_now;

pub use any::{AnyJoinHandle, AnyOwner, AnyRuntime, AnySleep, AnyTcpListener, AnyTcpStream};
pub use config::{Config, Flavor};
pub use join::{JoinError, JoinHandle, Panic};
pub use site::SpawnSite;
pub use sleep::Sleep;
pub use yield_now::YieldNow;

use crate::instant::Instant;
use crate::runtime::timeout::Timeout;
use std::panic::Location;
use std::time::Duration;

/// A handle on an async runtime: spawns tasks, tells the time, sleeps.
///
/// A clone is cheap and means the same runtime. Holding a handle keeps nothing alive: when the owner of the
/// threads goes, tasks are dropped, their handles give [`JoinError::Shutdown`], and so does every later
/// `spawn`. A sleep never panics and never fires early after the end either: it stays pending where the timer
/// ended with the runtime (tokio), and fires at its time where timers belong to the process (smol, async-std).
///
/// Generic code takes `R: Runtime`. Code that chooses at run time takes [`AnyRuntime`], which is one too.
///
/// # Examples
///
/// ```
/// use backstay_core::Runtime;
/// use std::time::Duration;
///
/// async fn delayed<R: Runtime>(rt: R) -> u32 {
///     let task = rt.spawn({
///         let rt = rt.clone();
///         async move {
///             rt.sleep(Duration::from_millis(1)).await;
///             7
///         }
///     });
///     task.await.expect("it does not panic, nobody aborts it")
/// }
/// # use backstay_core::runtime::BlockOn;
/// # let owner = backstay_smol::SmolOwner::new(backstay_core::Config::new()).unwrap();
/// # let rt = owner.runtime().clone();
/// # assert_eq!(owner.block_on(delayed(rt)), 7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a runtime that backstay knows",
    label = "expected a runtime handle",
    note = "depend on `backstay` with the feature `tokio`, `smol` or `async-std` (or on the package \
            `backstay-tokio`, `backstay-smol` or `backstay-async-std`) and pass its handle: `Tokio`, `Smol`, \
            `AsyncStd`, or an `AnyRuntime`",
    note = "an owner such as `TokioOwner` is no runtime: pass `owner.runtime()`"
)]
pub trait Runtime: Clone + Send + Sync + Unpin + 'static {
    /// What [`spawn`](Self::spawn) returns.
    type JoinHandle<T: Send + 'static>: JoinHandle<T>;
    /// What [`spawn_blocking`](Self::spawn_blocking) returns.
    type BlockingHandle<T: Send + 'static>: JoinHandle<T>;
    /// What [`sleep`](Self::sleep) returns.
    type Sleep: Sleep;

    /// The runtime's name as people write it on a command line: `tokio`, `smol`, `async-std`.
    fn name(&self) -> &'static str;

    /// Starts a task.
    ///
    /// It runs whether or not its handle is awaited; dropping the handle detaches it (C1). A panic in it is
    /// caught and reported by the handle (C2).
    ///
    /// # Cost
    ///
    /// One allocation, the runtime's own.
    #[track_caller]
    fn spawn<F>(&self, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Runs a blocking function on a thread that may block.
    ///
    /// The function runs even if the handle is dropped. [`JoinHandle::abort`] keeps it from running while it
    /// is queued; once it runs, it runs to its end and its value is delivered (C11, C12).
    ///
    /// # Cost
    ///
    /// The runtime's own allocations and at most one more.
    #[track_caller]
    fn spawn_blocking<F, T>(&self, f: F) -> Self::BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static;

    /// The current time of this runtime. Never goes backwards.
    fn now(&self) -> Instant;

    /// A future that is pending until `at`, and ready on its first poll if `at` has passed.
    ///
    /// Never early (C14); how late is the runtime's matter (tokio counts in milliseconds).
    /// [`Instant::MAX`] means never.
    fn sleep_until(&self, at: Instant) -> Self::Sleep;

    /// A random number for jitter and fairness; not for secrets.
    fn random_u64(&self) -> u64;

    /// This runtime's instant as the standard library's, for code that wants that type.
    ///
    /// Instants too far in the future for the platform come out as far in the future as it can tell.
    fn to_std(&self, at: Instant) -> std::time::Instant;

    /// The standard library's instant as this runtime's; what lies before the origin becomes the origin.
    #[allow(clippy::wrong_self_convention, reason = "it converts from, on this runtime's time line")]
    fn from_std(&self, at: std::time::Instant) -> Instant;

    /// [`spawn`](Self::spawn) with a name for reports and debuggers.
    ///
    /// The name is for people: two tasks may share one. Backends that can't show names ignore it.
    #[track_caller]
    fn spawn_named<F>(&self, name: &str, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_from(SpawnSite::new(Some(name), Location::caller()), future)
    }

    /// [`spawn`](Self::spawn) on behalf of code at `site`.
    ///
    /// For wrappers that spawn for others and want reports to point at the others. A backend that records
    /// where tasks were spawned overrides this; the default forgets the site.
    #[track_caller]
    fn spawn_from<F>(&self, site: SpawnSite<'_>, future: F) -> Self::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let _ = site;
        self.spawn(future)
    }

    /// [`spawn_blocking`](Self::spawn_blocking) on behalf of code at `site`.
    #[track_caller]
    fn spawn_blocking_from<F, T>(&self, site: SpawnSite<'_>, f: F) -> Self::BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let _ = site;
        self.spawn_blocking(f)
    }

    /// A future that is pending for `duration` from now; ready at once for zero.
    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Gives `future` at most `limit`, counted from its first poll that is pending.
    ///
    /// The future is polled before the timer: with both ready, the value wins, and even a zero limit polls
    /// it once (C16). No timer is touched and no clock is read while the future has not been pending. For a
    /// deadline that counts from now, whenever the future is polled, use [`timeout_at`](Self::timeout_at).
    ///
    /// # Errors
    ///
    /// [`Elapsed`](crate::time::Elapsed) when the limit has passed. The future is dropped with the
    /// `Timeout`; [`Timeout::into_inner`] gives it back.
    ///
    /// # Cancel safety
    ///
    /// Adds nothing of its own: dropping it drops the future.
    ///
    /// # Cost
    ///
    /// No allocation.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::{BlockOn, Config, Runtime};
    /// use std::future::{pending, ready};
    /// use std::time::Duration;
    ///
    /// let owner = backstay_tokio::TokioOwner::new(Config::new())?;
    /// let rt = owner.runtime().clone();
    /// owner.block_on(async move {
    ///     assert_eq!(rt.timeout(Duration::ZERO, ready(1)).await, Ok(1));
    ///     assert!(rt.timeout(Duration::from_millis(5), pending::<()>()).await.is_err());
    /// });
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    fn timeout<F: Future>(&self, limit: Duration, future: F) -> Timeout<F, Self> {
        Timeout::after(self.clone(), limit, future)
    }

    /// Gives `future` until `at`. As [`timeout`](Self::timeout), but counted from nowhere: a deadline that
    /// has passed polls the future once.
    ///
    /// # Errors
    ///
    /// [`Elapsed`](crate::time::Elapsed) when `at` has passed.
    fn timeout_at<F: Future>(&self, at: Instant, future: F) -> Timeout<F, Self> {
        Timeout::at(self.clone(), at, future)
    }

    /// Lets other tasks, timers and sockets have their turn, then goes on: pending once (C20).
    ///
    /// Who computes for long between two awaits, and can't do it [elsewhere](Self::spawn_blocking), yields every
    /// millisecond or so. On tokio it is tokio's own yield, which looks at the sockets before the task goes on; where a
    /// task just wakes itself, tokio looks at them after every 61st poll of a task.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    fn yield_now(&self) -> YieldNow {
        YieldNow::new()
    }

    /// Blocks this thread until `future` is ready: for code on a thread of its own, a [blocking job](Self::spawn_blocking),
    /// a thread of the program's or of rayon's, that waits for what async code waits for.
    ///
    /// The thread is parked between polls; timers and sockets are the runtime's, whose threads go on meanwhile. So it is
    /// the same wait as everybody else's: in the same queues, by the same clock. It is not
    /// [`BlockOn::block_on`], which runs a runtime.
    ///
    /// **Never in async code**: it blocks the worker, and every task that it has; on a runtime of one thread that may be
    /// for ever.
    ///
    /// On the simulated runtime a blocking job waits in virtual time, while the tasks go on.
    ///
    /// # Panics
    ///
    /// If the future does. On the simulated runtime, in a task that would have to wait: nothing else could run.
    ///
    /// # Cost
    ///
    /// Nothing for a future that is ready at once; otherwise an allocation, for the waker.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::testing::{Failure, Sim};
    /// use backstay_core::Runtime;
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let job = rt.spawn_blocking({
    ///         let rt = rt.clone();
    ///         move || rt.block_thread(rt.sleep(Duration::from_secs(3)))
    ///     });
    ///     job.await
    /// })?;
    /// assert_eq!(run.elapsed, Duration::from_secs(3));
    /// # Ok::<(), Failure>(())
    /// ```
    #[doc(alias = "block_on")]
    fn block_thread<F: Future>(&self, future: F) -> F::Output {
        park::block_thread(future)
    }
}

/// The owner of a runtime's threads: runs futures from synchronous code.
///
/// One owner, many handles: code passes [`runtime()`](Self::runtime) around and leaves the owner where the
/// program starts and ends. Dropping the owner ends its runtime (not async-std's, which never ends): it stops
/// the workers and drops the tasks, and waits a limited time for them. That is safe inside async code too
/// (C21), where it doesn't wait for its own kind.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not own a runtime's threads",
    note = "`block_on` is the owner's: `TokioOwner`, `SmolOwner`, `AsyncStdOwner` or `AnyOwner`; a handle such \
            as `Tokio` can't drive a runtime"
)]
pub trait BlockOn {
    /// The handle.
    type Runtime: Runtime;

    /// The handle to clone and pass around.
    fn runtime(&self) -> &Self::Runtime;

    /// Runs `future` to its end on the calling thread while the workers run what it spawns.
    ///
    /// # Panics
    ///
    /// Inside async code it works (smol, and tokio's multi-threaded runtime), or panics with a message that
    /// says what to do instead (C22). A panic of `future` is passed on.
    fn block_on<F: Future>(&self, future: F) -> F::Output;
}
