//! The handle.

use crate::join::TokioJoinHandle;
use crate::sleep::TokioSleep;
use backstay_core::Runtime;
use backstay_core::runtime::backend::clock;
use backstay_core::time::Instant;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;

/// A handle on a tokio runtime; made by [`TokioOwner`](crate::TokioOwner) or taken from the surroundings.
#[derive(Clone, Debug)]
pub struct Tokio {
    handle: Handle,
    // Ours only: tokio's timers panic when they are polled after the end, and nothing else tells of it.
    end: Option<Arc<End>>,
}

/// Whether an owned runtime has ended.
#[derive(Debug, Default)]
pub(crate) struct End(AtomicBool);

impl End {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// There is no tokio runtime here that could serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoRuntime {
    /// The code doesn't run on tokio.
    Outside,
    /// It does, but the runtime was built without a time driver.
    WithoutTime,
}

impl fmt::Display for NoRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outside => {
                "not inside a tokio runtime: call this from code that #[tokio::main], `block_on` or `spawn` \
                 runs, or make a runtime with `TokioOwner::new`"
            }
            Self::WithoutTime => {
                "this tokio runtime has no time driver: build it with `enable_time` or `enable_all`"
            }
        })
    }
}

impl Error for NoRuntime {}

impl Tokio {
    pub(crate) fn owned(handle: Handle, end: Arc<End>) -> Self {
        Self { handle, end: Some(end) }
    }

    /// The tokio runtime that the calling code runs on.
    ///
    /// # Errors
    ///
    /// [`NoRuntime::Outside`] outside of tokio, [`NoRuntime::WithoutTime`] where timers are not enabled.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_tokio::{NoRuntime, Tokio};
    ///
    /// assert_eq!(Tokio::try_current().unwrap_err(), NoRuntime::Outside);
    /// ```
    pub fn try_current() -> Result<Self, NoRuntime> {
        let handle = Handle::try_current().map_err(|_| NoRuntime::Outside)?;
        if !has_time(&handle) {
            return Err(NoRuntime::WithoutTime);
        }
        Ok(Self { handle, end: None })
    }

    /// The tokio runtime that the calling code runs on.
    ///
    /// # Panics
    ///
    /// Where [`try_current`](Self::try_current) gives an error, with its text.
    #[track_caller]
    pub fn current() -> Self {
        match Self::try_current() {
            Ok(rt) => rt,
            Err(error) => panic!("{error}"),
        }
    }

    /// tokio's own handle.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn end(&self) -> Option<Arc<End>> {
        self.end.clone()
    }

    /// Runs `f` in this runtime's context, which tokio's own constructors look for.
    pub(crate) fn enter<T>(&self, f: impl FnOnce() -> T) -> T {
        let _context = self.handle.enter();
        f()
    }
}

/// tokio tells only by panicking, which the panic hook reports; the good case is silent.
fn has_time(handle: &Handle) -> bool {
    let _context = handle.enter();
    catch_unwind(AssertUnwindSafe(|| drop(tokio::time::sleep(Duration::MAX)))).is_ok()
}

impl Runtime for Tokio {
    type JoinHandle<T: Send + 'static> = TokioJoinHandle<T>;
    type BlockingHandle<T: Send + 'static> = TokioJoinHandle<T>;
    type Sleep = TokioSleep;

    fn name(&self) -> &'static str {
        "tokio"
    }

    #[track_caller]
    fn spawn<F>(&self, future: F) -> TokioJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        TokioJoinHandle::new(self.handle.spawn(future))
    }

    #[track_caller]
    fn spawn_blocking<F, T>(&self, f: F) -> TokioJoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        TokioJoinHandle::new(self.handle.spawn_blocking(f))
    }

    fn now(&self) -> Instant {
        clock::from_std(tokio::time::Instant::now().into_std())
    }

    fn sleep(&self, duration: Duration) -> TokioSleep {
        let now = tokio::time::Instant::now();
        // tokio's own instants end before `Duration::MAX` does.
        let at = clock::to_std(clock::from_std(now.into_std()) + duration, || now.into_std());
        TokioSleep::new(self, at.into(), duration.is_zero())
    }

    fn sleep_until(&self, at: Instant) -> TokioSleep {
        let at = tokio::time::Instant::from_std(self.to_std(at));
        TokioSleep::new(self, at, at <= tokio::time::Instant::now())
    }

    fn random_u64(&self) -> u64 {
        fastrand::u64(..)
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        clock::to_std(at, || tokio::time::Instant::now().into_std())
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        clock::from_std(at)
    }
}
