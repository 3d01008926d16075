//! A runtime chosen at run time.

mod net;
mod owner;

pub use net::{AnyTcpListener, AnyTcpStream};
pub use owner::AnyOwner;

use super::{JoinError, JoinHandle, Runtime, Sleep, SpawnSite, YieldNow};
use crate::instant::Instant;
use crate::net::Net;
use net::DynNet;
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Any runtime, erased: one type for all of them, itself a [`Runtime`] and a [`Net`].
///
/// For a program that chooses its runtime at run time, and where a type parameter is in the way. Everything
/// written for `R: Runtime` takes it as it is.
///
/// # Cost
///
/// Boxes where the static types need none. Beside the runtime's own allocations, `spawn` and `spawn_blocking`
/// make two, three if the value is not zero-sized; `sleep` makes one, and so does a `timeout` that is pending.
/// Every call goes through a table of functions.
///
/// # Examples
///
/// ```
/// use backstay_core::{AnyRuntime, BlockOn, Config, Runtime};
///
/// async fn program(rt: AnyRuntime) -> usize {
///     rt.spawn(async { 20 }).await.unwrap() + rt.spawn_blocking(|| 22).await.unwrap()
/// }
///
/// let tokio = backstay_tokio::TokioOwner::new(Config::new())?;
/// let smol = backstay_smol::SmolOwner::new(Config::new())?;
/// assert_eq!(tokio.block_on(program(AnyRuntime::new(tokio.runtime().clone()))), 42);
/// assert_eq!(smol.block_on(program(AnyRuntime::new(smol.runtime().clone()))), 42);
/// # Ok::<(), backstay_core::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct AnyRuntime(Arc<dyn DynRuntime>);

impl AnyRuntime {
    /// Erases a runtime. Allocates once; a clone costs what an `Arc`'s clone costs.
    pub fn new<R: Runtime + Net>(rt: R) -> Self {
        Self(Arc::new(rt))
    }
}

impl fmt::Debug for AnyRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyRuntime").field(&self.0.name()).finish()
    }
}

type Value = Box<dyn Any + Send>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// [`Runtime`] without type parameters.
trait DynRuntime: DynNet + Send + Sync {
    fn name(&self) -> &'static str;
    fn spawn(&self, site: SpawnSite<'_>, future: BoxFuture<Value>) -> Box<dyn JoinHandle<Value>>;
    fn spawn_blocking(
        &self,
        site: SpawnSite<'_>,
        f: Box<dyn FnOnce() -> Value + Send>,
    ) -> Box<dyn JoinHandle<Value>>;
    fn now(&self) -> Instant;
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>>;
    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Sleep>>;
    fn random_u64(&self) -> u64;
    fn to_std(&self, at: Instant) -> std::time::Instant;
    #[allow(clippy::wrong_self_convention, reason = "as in Runtime")]
    fn from_std(&self, at: std::time::Instant) -> Instant;
    fn yield_now(&self) -> YieldNow;
    fn block_thread(&self, future: Pin<&mut dyn Future<Output = ()>>);
}

impl<R: Runtime + Net> DynRuntime for R {
    fn name(&self) -> &'static str {
        Runtime::name(self)
    }

    fn spawn(&self, site: SpawnSite<'_>, future: BoxFuture<Value>) -> Box<dyn JoinHandle<Value>> {
        Box::new(self.spawn_from(site, future))
    }

    fn spawn_blocking(
        &self,
        site: SpawnSite<'_>,
        f: Box<dyn FnOnce() -> Value + Send>,
    ) -> Box<dyn JoinHandle<Value>> {
        Box::new(self.spawn_blocking_from(site, f))
    }

    fn now(&self) -> Instant {
        Runtime::now(self)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(Runtime::sleep(self, duration))
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Runtime::sleep_until(self, at))
    }

    fn random_u64(&self) -> u64 {
        Runtime::random_u64(self)
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        Runtime::to_std(self, at)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        Runtime::from_std(self, at)
    }

    fn yield_now(&self) -> YieldNow {
        Runtime::yield_now(self)
    }

    fn block_thread(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        Runtime::block_thread(self, future);
    }
}

impl Runtime for AnyRuntime {
    type JoinHandle<T: Send + 'static> = AnyJoinHandle<T>;
    type BlockingHandle<T: Send + 'static> = AnyJoinHandle<T>;
    type Sleep = AnySleep;

    fn name(&self) -> &'static str {
        self.0.name()
    }

    #[track_caller]
    fn spawn<F>(&self, future: F) -> AnyJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_from(SpawnSite::new(None, Location::caller()), future)
    }

    #[track_caller]
    fn spawn_blocking<F, T>(&self, f: F) -> AnyJoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_blocking_from(SpawnSite::new(None, Location::caller()), f)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> AnySleep {
        AnySleep(self.0.sleep(duration))
    }

    fn sleep_until(&self, at: Instant) -> AnySleep {
        AnySleep(self.0.sleep_until(at))
    }

    fn random_u64(&self) -> u64 {
        self.0.random_u64()
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        self.0.to_std(at)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        self.0.from_std(at)
    }

    fn yield_now(&self) -> YieldNow {
        self.0.yield_now()
    }

    fn block_thread<F: Future>(&self, future: F) -> F::Output {
        let mut output = None;
        self.0.block_thread(pin!(async { output = Some(future.await) }));
        output.expect("it is ready")
    }

    fn spawn_from<F>(&self, site: SpawnSite<'_>, future: F) -> AnyJoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        AnyJoinHandle::new(self.0.spawn(site, Box::pin(async move { Box::new(future.await) as Value })))
    }

    fn spawn_blocking_from<F, T>(&self, site: SpawnSite<'_>, f: F) -> AnyJoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        AnyJoinHandle::new(self.0.spawn_blocking(site, Box::new(move || Box::new(f()) as Value)))
    }
}

/// The join handle of [`AnyRuntime`].
pub struct AnyJoinHandle<T> {
    handle: Box<dyn JoinHandle<Value>>,
    value: PhantomData<fn() -> T>,
}

impl<T> AnyJoinHandle<T> {
    fn new(handle: Box<dyn JoinHandle<Value>>) -> Self {
        Self { handle, value: PhantomData }
    }
}

impl<T: Send + 'static> JoinHandle<T> for AnyJoinHandle<T> {
    fn abort(&self) {
        self.handle.abort();
    }

    fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T: 'static> Future for AnyJoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = ready!(Pin::new(&mut *self.handle).poll(cx));
        Poll::Ready(outcome.map(|value| match value.downcast::<T>() {
            Ok(value) => *value,
            Err(_) => unreachable!("the task was spawned with this type of value"),
        }))
    }
}

impl<T> fmt::Debug for AnyJoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyJoinHandle").field("is_finished", &self.handle.is_finished()).finish()
    }
}

/// The sleep of [`AnyRuntime`].
pub struct AnySleep(Pin<Box<dyn Sleep>>);

impl Sleep for AnySleep {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.0.as_mut().reset(at);
    }
}

impl Future for AnySleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for AnySleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnySleep").finish_non_exhaustive()
    }
}
