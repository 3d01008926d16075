//! Spans that go with what is spawned.

use crate::instant::Instant;
use crate::net::Net;
use crate::runtime::timeout::Timeout;
use crate::runtime::{Runtime, SpawnSite, YieldNow};
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::time::Duration;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span, info_span};

/// A runtime whose tasks are in spans: below the span in which they are spawned.
///
/// A span belongs to who entered it, and a task that is spawned inside of one knows nothing of it. Through this, each
/// task has a span `task` with where it was spawned and its name, and the current span is its parent. Every pattern
/// takes it, as it is a [`Runtime`]: what scopes, sets, pools, supervisors and a shutdown spawn is in its place too.
/// Who does not ask for it pays nothing.
///
/// | target | span | fields |
/// |---|---|---|
/// | `backstay::task` | `task` | `task.name` where it has one; `file`, `line` of the spawn |
///
/// The span is entered for each poll, and while the task's future is dropped, aborted or not; then it closes. It is at
/// the level of `INFO`. Where a subscriber does not want it, tasks are in the span they were spawned in: what they log
/// has its context all the same.
///
/// # Cost
///
/// A span for each task, 40 bytes of its memory. Without a subscriber that is an empty one: three atomic loads, and
/// nothing is allocated.
///
/// # Examples
///
/// ```
/// use backstay::testing::{Failure, Sim};
/// use backstay_core::Runtime;
/// use backstay_core::observe::Traced;
/// use tracing::{Instrument, info, info_span};
///
/// async fn handle<R: Runtime>(rt: R) {
///     // As it is below `request`, the line says which request it is of.
///     rt.spawn_named("audit", async { info!("written") }).await.unwrap();
/// }
///
/// Sim::builder().run(|rt: Sim| handle(Traced::new(rt)).instrument(info_span!("request", id = 7)))?;
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "instrument")]
#[doc(alias = "in_current_span")]
#[derive(Clone, Copy, Debug)]
pub struct Traced<R> {
    rt: R,
}

impl<R> Traced<R> {
    /// The same runtime, with spans.
    pub const fn new(rt: R) -> Self {
        Self { rt }
    }

    /// The runtime without.
    pub const fn get_ref(&self) -> &R {
        &self.rt
    }

    /// The runtime without.
    pub fn into_inner(self) -> R {
        self.rt
    }
}

impl<R: Runtime> Runtime for Traced<R> {
    type JoinHandle<T: Send + 'static> = R::JoinHandle<T>;
    type BlockingHandle<T: Send + 'static> = R::BlockingHandle<T>;
    type Sleep = R::Sleep;

    fn name(&self) -> &'static str {
        self.rt.name()
    }

    #[track_caller]
    fn spawn<F>(&self, future: F) -> R::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_from(SpawnSite::new(None, Location::caller()), future)
    }

    #[track_caller]
    fn spawn_blocking<F, T>(&self, f: F) -> R::BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_blocking_from(SpawnSite::new(None, Location::caller()), f)
    }

    fn spawn_from<F>(&self, site: SpawnSite<'_>, future: F) -> R::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let future: Instrumented<F> = future.instrument(task_span(site));
        self.rt.spawn_from(site, future)
    }

    fn spawn_blocking_from<F, T>(&self, site: SpawnSite<'_>, f: F) -> R::BlockingHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.rt.spawn_blocking_from(site, SpannedFn::new(f, task_span(site)).into_fn())
    }

    fn now(&self) -> Instant {
        self.rt.now()
    }

    fn sleep(&self, duration: Duration) -> R::Sleep {
        self.rt.sleep(duration)
    }

    fn sleep_until(&self, at: Instant) -> R::Sleep {
        self.rt.sleep_until(at)
    }

    fn random_u64(&self) -> u64 {
        self.rt.random_u64()
    }

    fn to_std(&self, at: Instant) -> std::time::Instant {
        self.rt.to_std(at)
    }

    fn from_std(&self, at: std::time::Instant) -> Instant {
        self.rt.from_std(at)
    }

    fn yield_now(&self) -> YieldNow {
        self.rt.yield_now()
    }

    fn block_thread<F: Future>(&self, future: F) -> F::Output {
        self.rt.block_thread(future)
    }

    fn timeout<F: Future>(&self, limit: Duration, future: F) -> Timeout<F, Self> {
        Timeout::after(self.clone(), limit, future)
    }
}

impl<R: Net> Net for Traced<R> {
    type TcpStream = R::TcpStream;
    type TcpListener = R::TcpListener;

    fn connect(&self, addr: SocketAddr) -> impl Future<Output = io::Result<R::TcpStream>> + Send {
        self.rt.connect(addr)
    }

    fn bind(&self, addr: SocketAddr) -> impl Future<Output = io::Result<R::TcpListener>> + Send {
        self.rt.bind(addr)
    }

    fn resolve(&self, host: &str) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send {
        self.rt.resolve(host)
    }

    fn connect_to(&self, host: &str) -> impl Future<Output = io::Result<R::TcpStream>> + Send {
        self.rt.connect_to(host)
    }
}

fn task_span(site: SpawnSite<'_>) -> Span {
    let (file, line) = (site.location().file(), site.location().line());
    let span = info_span!(target: "backstay::task", "task", task.name = site.name(), file, line);
    // Not wanted at this level or target: the task's lines have the context of its spawn all the same.
    if span.is_disabled() { Span::current() } else { span }
}

/// A function in a span, which is entered while it runs and while it is dropped without.
pub(crate) struct SpannedFn<F> {
    // `None` once it runs.
    function: Option<F>,
    span: Span,
}

impl<F> SpannedFn<F> {
    pub(crate) const fn new(function: F, span: Span) -> Self {
        Self { function: Some(function), span }
    }

    pub(crate) fn into_fn<T>(mut self) -> impl FnOnce() -> T + use<F, T>
    where
        F: FnOnce() -> T,
    {
        move || {
            let Some(function) = self.function.take() else { unreachable!("it runs once") };
            self.span.in_scope(function)
        }
    }
}

impl<F> Drop for SpannedFn<F> {
    fn drop(&mut self) {
        let function = self.function.take();
        if function.is_some() {
            self.span.in_scope(|| drop(function));
        }
    }
}
