//! The handle.

use crate::context::Context;
use crate::join::TokioJoinHandle;
use crate::sleep::TokioSleep;
use backstay_core::Runtime;
use backstay_core::runtime::YieldNow;
use backstay_core::runtime::backend::clock;
use backstay_core::time::Instant;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;
use tokio::runtime::Handle;

/// A handle on a tokio runtime; made by [`TokioOwner`](crate::TokioOwner) or taken from the surroundings.
#[derive(Clone, Debug)]
pub struct Tokio(Context);

/// There is no tokio runtime here that could serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoRuntime {
    /// The code doesn't run on tokio.
    Outside,
    /// It does, but the runtime was built without a time driver.
    WithoutTime,
    /// There was one, and it has ended.
    Ended,
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
            Self::Ended => "the tokio runtime has ended: keep its owner for as long as it is used",
        })
    }
}

impl Error for NoRuntime {}

impl Tokio {
    pub(crate) const fn new(context: Context) -> Self {
        Self(context)
    }

    pub(crate) const fn context(&self) -> &Context {
        &self.0
    }

    /// The tokio runtime that the calling code runs on. Allocates once; clone the handle to pass it on.
    ///
    /// # Errors
    ///
    /// [`NoRuntime::Outside`] outside of tokio; [`NoRuntime::WithoutTime`] where timers are not enabled, after
    /// the panic hook has run once: tokio tells only by panicking. Sockets are not asked for: without
    /// `enable_io`, [`Net`](backstay_core::Net) panics as tokio's own sockets do.
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
        Ok(Self(Context::new(handle)))
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
        self.0.handle()
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
        TokioJoinHandle::new(self.0.handle().spawn(future))
    }

    #[track_caller]
    fn spawn_blocking<F, T>(&self, f: F) -> TokioJoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        TokioJoinHandle::new(self.0.handle().spawn_blocking(f))
    }

    #[inline]
    fn now(&self) -> Instant {
        let now = tokio::time::Instant::now().into_std();
        clock::from_std(now, || now)
    }

    #[inline]
    fn sleep(&self, duration: Duration) -> TokioSleep {
        TokioSleep::new(&self.0, |now| {
            let at = now.checked_add(duration).unwrap_or_else(|| self.to_std(Instant::MAX).into());
            (at, duration.is_zero())
        })
    }

    fn sleep_until(&self, at: Instant) -> TokioSleep {
        let at = self.to_std(at).into();
        TokioSleep::new(&self.0, |now| (at, at <= now))
    }

    fn random_u64(&self) -> u64 {
        fastrand::u64(..)
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        clock::to_std(at, || tokio::time::Instant::now().into_std())
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        clock::from_std(at, || tokio::time::Instant::now().into_std())
    }

    /// tokio's own yield: its first poll hands the waker to the scheduler, which looks at the sockets before it wakes.
    /// So, as with tokio's, who runs it in another executor's `block_on` on a worker of tokio's, where the scheduler has
    /// no turn until that ends, waits for ever.
    fn yield_now(&self) -> YieldNow {
        YieldNow::by(|cx| {
            let _pending = pin!(tokio::task::yield_now()).poll(cx);
        })
    }
}
