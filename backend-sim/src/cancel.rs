//! Sweeps: an operation is cut off before its first poll, before its second, and so on; each time everything must
//! be as it should be afterwards.
//!
//! A future may be dropped whenever it is pending. What it has taken must be given back, whom it has kept waiting
//! must be woken, and nothing may be lost: a promise about every await of it. A sweep tries each.
//!
//! ```
//! use backstay_core::Runtime;
//! use backstay_sim::{Sim, Subject, cancel_sweep};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//! use std::time::Duration;
//!
//! /// Takes two tokens, one after the other, and gives both back.
//! async fn take_two(rt: &Sim, tokens: &Arc<AtomicU32>) {
//!     tokens.fetch_sub(1, Relaxed);
//!     rt.sleep(Duration::from_millis(1)).await; // dropped here, it keeps a token
//!     tokens.fetch_sub(1, Relaxed);
//!     tokens.fetch_add(2, Relaxed);
//! }
//!
//! let failure = cancel_sweep(
//!     |rt: Sim, subject: Subject| async move {
//!         let tokens = Arc::new(AtomicU32::new(2));
//!         subject.run(take_two(&rt, &tokens)).await;
//!         tokens
//!     },
//!     |_, tokens| async move { assert_eq!(tokens.load(Relaxed), 2, "tokens are lost") },
//! )
//! .unwrap_err()
//! .to_string();
//! assert!(failure.contains("tokens are lost"));
//! assert!(failure.contains("dropped before poll 1 of 2"));
//! assert!(failure.contains("while it waited for sleep until 1ms"));
//! ```

use crate::explore::Asked;
use crate::kernel::lock;
use crate::report::Failure;
use crate::runtime::Sim;
use crate::sim::{Builder, Completed};
use backstay_core::{JoinError, JoinHandle, Runtime};
use std::future::poll_fn;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Drops the subject before each of its polls, and checks what is left: [`Sweep::cancel`] with the defaults.
///
/// # Errors
///
/// As [`Sweep::cancel`].
#[track_caller]
pub fn cancel_sweep<S, F, C>(
    scenario: impl Fn(Sim, Subject) -> F,
    check: impl Fn(Sim, S) -> C,
) -> Result<Swept, Failure>
where
    F: Future<Output = S>,
    C: Future<Output = ()>,
{
    Sweep::new().cancel(scenario, check)
}

/// Aborts the subject's task before each of its polls, and checks what is left: [`Sweep::abort`] with the
/// defaults.
///
/// # Errors
///
/// As [`Sweep::cancel`].
#[track_caller]
pub fn abort_sweep<S, F, C>(
    scenario: impl Fn(Sim, Subject) -> F,
    check: impl Fn(Sim, S) -> C,
) -> Result<Swept, Failure>
where
    F: Future<Output = S>,
    C: Future<Output = ()>,
{
    Sweep::new().abort(scenario, check)
}

/// Lets the subject panic at each of its polls, and checks what is left: [`Sweep::panic`] with the defaults.
///
/// # Errors
///
/// As [`Sweep::cancel`].
#[track_caller]
pub fn panic_sweep<S, F, C>(
    scenario: impl Fn(Sim, Subject) -> F,
    check: impl Fn(Sim, S) -> C,
) -> Result<Swept, Failure>
where
    F: Future<Output = S>,
    C: Future<Output = ()>,
{
    Sweep::new().panic(scenario, check)
}

/// How an operation is swept.
///
/// For each seed: one run that cuts nothing and counts the polls of the subject, then one for each of them. After
/// the scenario everything else runs until nothing can run any more; then comes the check, in the same run. At its
/// end nothing may be left over: see [`Builder::run`].
#[derive(Clone, Debug)]
#[must_use = "does nothing until it sweeps"]
pub struct Sweep {
    seeds: Range<u64>,
    builder: Builder,
    settle: Duration,
    max_polls: u64,
}

/// What came of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// How many runs were made.
    pub runs: u64,
    /// The most polls that the subject took in a run.
    pub polls: u64,
}

impl Default for Sweep {
    fn default() -> Self {
        Self::new()
    }
}

impl Sweep {
    /// Eight seeds, without faults.
    pub fn new() -> Self {
        Self { seeds: 0..8, builder: Builder::new(), settle: Duration::from_secs(60), max_polls: 1_000 }
    }

    /// With these seeds.
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.seeds = seeds;
        self
    }

    /// How each run is made; the seed is replaced.
    pub fn builder(mut self, builder: Builder) -> Self {
        self.builder = builder;
        self
    }

    /// How much virtual time what is left has before the check: a minute by default.
    pub fn settle(mut self, settle: Duration) -> Self {
        self.settle = settle;
        self
    }

    /// Of a subject with more polls than this, only so many are swept, spread over all; 1,000 by default.
    pub fn max_polls(mut self, polls: u64) -> Self {
        self.max_polls = polls;
        self
    }

    /// Drops the subject before each of its polls.
    ///
    /// # Errors
    ///
    /// The [`Failure`] of the first run that failed, which says before which poll the subject was cut, what it
    /// waited for, and what was violated; [`FailureKind::NotCovered`](crate::FailureKind::NotCovered) where no subject was run.
    #[track_caller]
    pub fn cancel<S, F, C>(
        self,
        scenario: impl Fn(Sim, Subject) -> F,
        check: impl Fn(Sim, S) -> C,
    ) -> Result<Swept, Failure>
    where
        F: Future<Output = S>,
        C: Future<Output = ()>,
    {
        self.sweep(Cut::Drop, Location::caller(), scenario, check)
    }

    /// Aborts the subject before each of its polls, if it is run with [`Subject::spawn`]; one that is run with
    /// [`Subject::run`] is dropped.
    ///
    /// # Errors
    ///
    /// As [`cancel`](Self::cancel).
    #[track_caller]
    pub fn abort<S, F, C>(
        self,
        scenario: impl Fn(Sim, Subject) -> F,
        check: impl Fn(Sim, S) -> C,
    ) -> Result<Swept, Failure>
    where
        F: Future<Output = S>,
        C: Future<Output = ()>,
    {
        self.sweep(Cut::Abort, Location::caller(), scenario, check)
    }

    /// Lets the subject panic at each of its polls: its destructors run while the thread unwinds.
    ///
    /// # Errors
    ///
    /// As [`cancel`](Self::cancel).
    #[track_caller]
    pub fn panic<S, F, C>(
        self,
        scenario: impl Fn(Sim, Subject) -> F,
        check: impl Fn(Sim, S) -> C,
    ) -> Result<Swept, Failure>
    where
        F: Future<Output = S>,
        C: Future<Output = ()>,
    {
        self.sweep(Cut::Panic, Location::caller(), scenario, check)
    }

    fn sweep<S, F, C>(
        mut self,
        how: Cut,
        location: &'static Location<'static>,
        scenario: impl Fn(Sim, Subject) -> F,
        check: impl Fn(Sim, S) -> C,
    ) -> Result<Swept, Failure>
    where
        F: Future<Output = S>,
        C: Future<Output = ()>,
    {
        let asked = Asked::from_environment().map_err(Failure::config)?;
        if let Some(asked) = &asked {
            self.seeds = asked.seed..asked.seed.saturating_add(1);
        }
        let mut swept = Swept::default();
        for seed in self.seeds.clone() {
            let builder = self.builder.clone().seed(seed);
            let run = |at| {
                let subject = Subject::new(how, at);
                let outcome = run_cut(&builder, location, &subject, self.settle, &scenario, &check);
                (outcome, subject)
            };
            let (outcome, subject) = run(None);
            outcome?;
            let polls = subject.polls();
            swept.runs += 1;
            swept.polls = swept.polls.max(polls);
            // Each of few; of many, so many, evenly spread.
            let step = polls.div_ceil(self.max_polls.max(1)).max(1);
            let cuts = match asked.as_ref().and_then(|asked| asked.cut) {
                Some(cut) => cut..cut.saturating_add(1),
                None => 0..polls,
            };
            for at in cuts.step_by(step as usize) {
                let (outcome, subject) = run(Some(at));
                outcome.map_err(|failure| subject.explain(failure, at, polls))?;
                swept.runs += 1;
            }
        }
        if swept.polls == 0 {
            return Err(Failure::not_covered(vec!["the subject of the sweep".to_owned()]));
        }
        Ok(swept)
    }
}

fn run_cut<S, F, C>(
    builder: &Builder,
    location: &'static Location<'static>,
    subject: &Subject,
    settle: Duration,
    scenario: &impl Fn(Sim, Subject) -> F,
    check: &impl Fn(Sim, S) -> C,
) -> Result<Completed<()>, Failure>
where
    F: Future<Output = S>,
    C: Future<Output = ()>,
{
    builder.clone().once(location, |rt| async move {
        let state = scenario(rt.clone(), subject.clone()).await;
        rt.quiesce(settle).await;
        check(rt, state).await;
    })
}

/// How the subject is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
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
    // Who awaits the task of the subject, to abort it.
    to_abort: Option<Waker>,
    is_to_be_aborted: bool,
}

impl Subject {
    fn new(how: Cut, at: Option<u64>) -> Self {
        Self(Arc::new(Mutex::new(Progress {
            how,
            at,
            polls: 0,
            place: None,
            waits: Vec::new(),
            to_abort: None,
            is_to_be_aborted: false,
        })))
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
        let mut task = rt.spawn_named("subject", async move { subject.cut_in_task(place, operation).await });
        async move {
            let outcome = poll_fn(|cx| {
                let mut progress = lock(&self.0);
                progress.to_abort = Some(cx.waker().clone());
                let abort = progress.is_to_be_aborted;
                drop(progress);
                if abort {
                    task.abort();
                }
                Pin::new(&mut task).poll(cx)
            });
            match outcome.await {
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
                Some(Cut::Abort) => {
                    let mut progress = lock(&self.0);
                    progress.is_to_be_aborted = true;
                    let waker = progress.to_abort.take();
                    drop(progress);
                    if let Some(waker) = waker {
                        waker.wake();
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
            return Some(progress.how);
        }
        progress.polls += 1;
        None
    }

    /// Polls, and remembers what was waited for.
    fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        let (result, waits) = backstay_core::probe::Recorder::waits_here(poll);
        lock(&self.0).waits = waits;
        result
    }

    fn polls(&self) -> u64 {
        lock(&self.0).polls
    }

    /// Says in the report where the subject was cut.
    fn explain(&self, failure: Failure, at: u64, polls: u64) -> Failure {
        let progress = lock(&self.0);
        let how = match progress.how {
            Cut::Drop => "dropped",
            Cut::Abort => "aborted",
            Cut::Panic => "made to panic",
        };
        let place = progress.place.map(|place| format!(" at {}", crate::report::place(place)));
        let waits = match (at, progress.waits.as_slice()) {
            (0, _) => String::new(),
            (_, []) => ", while it waited for something that it does not tell".to_owned(),
            (_, waits) => format!(", while it waited for {}", waits.join(", ")),
        };
        let place = place.unwrap_or_default();
        failure
            .note(format!("the subject{place} was {how} before poll {at} of {polls}{waits}"))
            .replay_also(&format!("BACKSTAY_CUT={at}"))
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
