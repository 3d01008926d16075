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

mod subject;

pub use subject::Subject;

use crate::explore::Asked;
use crate::report::Failure;
use crate::runtime::Sim;
use crate::sim::Builder;
use std::cell::RefCell;
use std::ops::Range;
use std::panic::Location;
use std::time::Duration;
use subject::Cut;

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
/// For each seed: one run that cuts nothing and counts the polls of the subject, then one for each of them, each made
/// twice and compared. After
/// the scenario everything else runs until nothing can run any more; then comes the check, in the same run. At its
/// end nothing may be left over: see [`Builder::run`].
#[derive(Clone, Debug)]
#[must_use = "does nothing until it sweeps"]
pub struct Sweep {
    first_seed: u64,
    seeds: u64,
    builder: Builder,
    settle: Duration,
    max_polls: u64,
}

/// What came of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// How many runs were made; one that was made twice to compare counts once.
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
        Self {
            first_seed: 0,
            seeds: 8,
            builder: Builder::new(),
            settle: Duration::from_secs(60),
            max_polls: 1_000,
        }
    }

    /// With these seeds.
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.first_seed = seeds.start;
        self.seeds = seeds.end.saturating_sub(seeds.start);
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

    /// Drops the subject before each of its polls. A whole scope is swept by making it the subject.
    ///
    /// # Errors
    ///
    /// The [`Failure`] of the first run that failed, which says before which poll the subject was cut, what it
    /// waited for, and what was violated; [`FailureKind::NotCovered`](crate::FailureKind::NotCovered) where no
    /// subject was run.
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
            (self.first_seed, self.seeds) = (asked.seed, 1);
        }
        let mut swept = Swept::default();
        for index in 0..self.seeds {
            let seed = self.first_seed + index;
            let builder = self.builder.clone().seed(seed);
            let run = |at| {
                let subject = RefCell::new(Subject::new(how, at));
                let outcome = builder.clone().twice(location, |rt| {
                    // Of its own in each of the two.
                    let own = Subject::new(how, at);
                    subject.replace(own.clone());
                    let (scenario, check, settle) = (&scenario, &check, self.settle);
                    async move {
                        let state = scenario(rt.clone(), own).await;
                        rt.quiesce(settle).await;
                        check(rt, state).await;
                    }
                });
                (outcome, subject.into_inner())
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
