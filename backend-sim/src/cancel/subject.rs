//! The operation that a sweep cuts.

use crate::lock::lock;
use crate::report::{self, Failure};
use crate::runtime::Sim;
use crate::task::Task;
use backstay_core::probe::Recorder;
use backstay_core::{JoinError, Runtime};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::Poll;

/// How the subject is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Drop,
    Abort,
    Panic,
}

/// Marks the operation that a sweep cuts: one for each run.
#[derive(Clone, Debug)]
pub struct Subject(Arc<Mutex<Progress>>);

#[derive(Debug)]
struct Progress {
    how: Cut,
    // Before which poll; none in the run that counts.
    at: Option<u64>,
    polls: u64,
    place: Option<&'static Location<'static>>,
    // What it waited for when it was polled last.
    waits: Vec<String>,
    // The subject's task, if it is one.
    task: Option<Arc<Task>>,
}

impl Subject {
    pub(super) fn new(how: Cut, at: Option<u64>) -> Self {
        Self(Arc::new(Mutex::new(Progress { how, at, polls: 0, place: None, waits: Vec::new(), task: None })))
    }

    /// Runs `operation` here, where it may borrow: `None` if it was cut.
    #[track_caller]
    pub fn run<F: Future>(&self, operation: F) -> impl Future<Output = Option<F::Output>> {
        let place = Location::caller();
        async move { self.cut_here(place, operation).await }
    }

    /// Runs `operation` as a task: `None` if it was cut.
    #[track_caller]
    pub fn spawn<F>(&self, rt: &Sim, operation: F) -> impl Future<Output = Option<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let place = Location::caller();
        let subject = self.clone();
        let task = rt.spawn_named("subject", async move { subject.cut_in_task(place, operation).await });
        lock(&self.0).task = task.task();
        async move {
            match task.await {
                Ok(output) => output,
                Err(JoinError::Panicked(panic)) if panic.message() != Some(INJECTED) => panic.resume(),
                Err(_) => None,
            }
        }
    }

    async fn cut_here<F: Future>(
        &self,
        place: &'static Location<'static>,
        operation: F,
    ) -> Option<F::Output> {
        let mut operation = pin!(Some(operation));
        poll_fn(|cx| {
            match self.next_poll(place) {
                Some(Cut::Drop | Cut::Abort) => operation.set(None),
                Some(Cut::Panic) => drop_in_panic(operation.as_mut()),
                None => {}
            }
            match operation.as_mut().as_pin_mut() {
                Some(operation) => self.poll(|| operation.poll(cx)).map(Some),
                None => Poll::Ready(None),
            }
        })
        .await
    }

    async fn cut_in_task<F: Future>(
        &self,
        place: &'static Location<'static>,
        operation: F,
    ) -> Option<F::Output> {
        let mut operation = pin!(Some(operation));
        poll_fn(|cx| {
            match self.next_poll(place) {
                Some(Cut::Drop) => operation.set(None),
                Some(Cut::Panic) => resume_unwind(Box::new(INJECTED)),
                // Its next turn is its last, whoever awaits it.
                Some(Cut::Abort) => {
                    let task = lock(&self.0).task.clone();
                    if let Some(task) = task {
                        task.abort();
                    }
                    return Poll::Pending;
                }
                None => {}
            }
            match operation.as_mut().as_pin_mut() {
                Some(operation) => self.poll(|| operation.poll(cx)).map(Some),
                None => Poll::Ready(None),
            }
        })
        .await
    }

    /// Counts a poll, and tells whether it is the one to cut.
    fn next_poll(&self, place: &'static Location<'static>) -> Option<Cut> {
        let mut progress = lock(&self.0);
        progress.place = Some(place);
        if progress.at == Some(progress.polls) {
            // Once: another subject of the same run goes its way.
            progress.at = None;
            return Some(progress.how);
        }
        progress.polls += 1;
        None
    }

    /// Polls, and remembers what was waited for.
    fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        let (result, waits) = Recorder::waits_here(poll);
        lock(&self.0).waits = waits;
        result
    }

    pub(super) fn polls(&self) -> u64 {
        lock(&self.0).polls
    }

    /// Says in the report where the subject was cut.
    pub(super) fn explain(&self, failure: Failure, at: u64, polls: u64) -> Failure {
        let progress = lock(&self.0);
        let how = match progress.how {
            Cut::Drop => "dropped",
            Cut::Abort => "aborted",
            Cut::Panic => "made to panic",
        };
        let place = progress.place.map(|place| format!(" at {}", report::place(place)));
        let waits = match (at, progress.waits.as_slice()) {
            (0, _) => String::new(),
            (_, []) => ", while it waited for something that it does not tell".to_owned(),
            (_, waits) => format!(", while it waited for {}", waits.join(", ")),
        };
        let place = place.unwrap_or_default();
        failure
            .note(format!("the subject{place} was {how} before poll {at} of {polls}{waits}"))
            .replay_also(format!("BACKSTAY_CUT={at}"))
    }
}

/// What an injected panic says.
const INJECTED: &str = "a panic injected by a sweep";

/// Drops a future as a panic would.
fn drop_in_panic<F>(operation: Pin<&mut Option<F>>) {
    struct Unwinding<'a, F>(Pin<&'a mut Option<F>>);

    impl<F> Drop for Unwinding<'_, F> {
        fn drop(&mut self) {
            self.0.set(None);
        }
    }

    // The payload is our own.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _unwinding = Unwinding(operation);
        resume_unwind(Box::new(INJECTED));
    }));
}
