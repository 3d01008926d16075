//! A service that watches how it is used, and what the tests share.

use backstay::Runtime;
use backstay::testing::{Failure, Sim};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::Service;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn passed<T>(outcome: Result<T, Failure>) -> T {
    outcome.unwrap_or_else(|failure| panic!("{failure}"))
}

/// Runs on the simulated runtime; a failure prints the report.
#[track_caller]
pub(crate) fn on_sim<F: Future<Output = ()>>(test: impl Fn(Sim) -> F) {
    passed(Sim::builder().run(test));
}

/// What has happened to a mock: which of its clones was ready, or called, with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Ready(usize),
    Called(usize, u32),
}

type Answer = Box<dyn Fn(usize, u32) -> Result<u32, &'static str> + Send + Sync>;

struct Shared {
    steps: Mutex<Vec<Step>>,
    clones: AtomicUsize,
    calls: AtomicUsize,
    // Clones that are ready and were not called.
    reserved: AtomicUsize,
    // Futures of calls that are there.
    running: AtomicUsize,
    answer: Answer,
    takes: Duration,
    // How often a clone is pending before it is ready, and whether it then fails.
    unready: usize,
    broken: bool,
}

/// A service that panics where it is called without having been ready, and counts what is reserved and runs.
///
/// Its answer is by the number of the call, from one, and the request.
pub(crate) struct Mock<R> {
    rt: R,
    shared: Arc<Shared>,
    id: usize,
    unready: usize,
    is_ready: bool,
}

pub(crate) type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One whose calls give what this says.
pub(crate) fn mock<R: Runtime>(
    rt: &R,
    answer: impl Fn(usize, u32) -> Result<u32, &'static str> + Send + Sync + 'static,
) -> Mock<R> {
    Mock::new(rt, Box::new(answer), Duration::ZERO, 0, false)
}

/// One that gives back the request.
pub(crate) fn echo<R: Runtime>(rt: &R) -> Mock<R> {
    mock(rt, |_, request| Ok(request))
}

impl<R: Runtime> Mock<R> {
    fn new(rt: &R, answer: Answer, takes: Duration, unready: usize, broken: bool) -> Self {
        let shared = Shared {
            steps: Mutex::default(),
            clones: AtomicUsize::new(1),
            calls: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            answer,
            takes,
            unready,
            broken,
        };
        Self { rt: rt.clone(), shared: Arc::new(shared), id: 0, unready, is_ready: false }
    }

    /// The steps so far.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.shared.steps.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.shared.calls.load(SeqCst)
    }

    /// How many clones are ready and were not called, and how many calls run.
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.shared.reserved.load(SeqCst), self.shared.running.load(SeqCst))
    }

    fn release(&mut self) {
        if std::mem::replace(&mut self.is_ready, false) {
            self.shared.reserved.fetch_sub(1, SeqCst);
        }
    }
}

/// One whose calls take so long.
pub(crate) fn slow<R: Runtime>(rt: &R, takes: Duration) -> Mock<R> {
    Mock::new(rt, Box::new(|_, request| Ok(request)), takes, 0, false)
}

/// One whose clones are pending so often before they are ready.
pub(crate) fn unready<R: Runtime>(rt: &R, times: usize) -> Mock<R> {
    Mock::new(rt, Box::new(|_, request| Ok(request)), Duration::ZERO, times, false)
}

/// One that is never ready, for it is broken.
pub(crate) fn broken<R: Runtime>(rt: &R) -> Mock<R> {
    Mock::new(rt, Box::new(|_, request| Ok(request)), Duration::ZERO, 0, true)
}

/// Not ready, as a clone is that can't share what is reserved.
impl<R: Clone> Clone for Mock<R> {
    fn clone(&self) -> Self {
        let (rt, shared) = (self.rt.clone(), Arc::clone(&self.shared));
        let id = shared.clones.fetch_add(1, SeqCst);
        let unready = shared.unready;
        Self { rt, shared, id, unready, is_ready: false }
    }
}

impl<R> Drop for Mock<R> {
    fn drop(&mut self) {
        if self.is_ready {
            self.shared.reserved.fetch_sub(1, SeqCst);
        }
    }
}

struct Runs(Arc<Shared>);

impl Drop for Runs {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, SeqCst);
    }
}

impl<R: Runtime> Service<u32> for Mock<R> {
    type Response = u32;
    type Error = &'static str;
    type Future = Running<Result<u32, &'static str>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        if self.shared.broken {
            return Poll::Ready(Err("broken"));
        }
        if self.unready > 0 {
            self.unready -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !std::mem::replace(&mut self.is_ready, true) {
            self.shared.reserved.fetch_add(1, SeqCst);
            self.shared.steps.lock().unwrap().push(Step::Ready(self.id));
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        assert!(self.is_ready, "clone {} was called without being ready", self.id);
        self.release();
        self.unready = self.shared.unready;
        self.shared.steps.lock().unwrap().push(Step::Called(self.id, request));
        self.shared.running.fetch_add(1, SeqCst);
        let (rt, runs) = (self.rt.clone(), Runs(Arc::clone(&self.shared)));
        Box::pin(async move {
            if !runs.0.takes.is_zero() {
                rt.sleep(runs.0.takes).await;
            }
            let number = runs.0.calls.fetch_add(1, SeqCst) + 1;
            (runs.0.answer)(number, request)
        })
    }
}

/// Whether it is ready, looked at once.
pub(crate) async fn is_ready<S: Service<Req>, Req>(service: &mut S) -> bool {
    poll_fn(|cx| Poll::Ready(matches!(service.poll_ready(cx), Poll::Ready(Ok(()))))).await
}
