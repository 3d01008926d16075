//! Many runs of one scenario: other seeds, or every schedule there is.

mod exhaustive;
mod shrink;

use crate::policy::Schedule;
use crate::report::Failure;
use crate::runtime::Sim;
use crate::sim::{Builder, Completed};
use backstay_core::ConfigError;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::panic::Location;
use std::str::FromStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::lock::lock;

/// Runs a scenario under many seeds, or under every schedule there is, on all cores.
///
/// The first failure ends it: that of the lowest seed, whatever the number of cores, with the schedule made as
/// simple as it gets. Its report begins with the command that repeats it: where the environment variable
/// `BACKSTAY_SEED` (and with it `BACKSTAY_CHOICES`) is set, only that run is made.
///
/// # Examples
///
/// A counter that is read, then written, with a turn for others in between:
///
/// ```
/// use backstay_core::Runtime;
/// use backstay_sim::{Explore, Sim};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
///
/// async fn lost_update(rt: Sim) {
///     let counter = Arc::new(AtomicU32::new(0));
///     let tasks = [(); 2].map(|()| {
///         let (rt, counter) = (rt.clone(), counter.clone());
///         rt.clone().spawn(async move {
///             let read = counter.load(Relaxed);
///             rt.yield_now().await;
///             counter.store(read + 1, Relaxed);
///         })
///     });
///     for task in tasks {
///         task.await.unwrap();
///     }
///     assert_eq!(counter.load(Relaxed), 2, "an update was lost");
/// }
///
/// let failure = Explore::exhaustive(1_000).run(lost_update).unwrap_err();
/// assert!(failure.to_string().contains("an update was lost"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "does nothing until it runs"]
pub struct Explore {
    plan: Plan,
    builder: Builder,
    twice: bool,
    // Not where somebody asks for these very choices.
    shrinks: bool,
    must_reach: Vec<&'static str>,
    allows_unreached: bool,
    threads: Option<NonZeroUsize>,
}

#[derive(Clone, Debug)]
enum Plan {
    Seeds { first: u64, count: u64 },
    Exhaustive { max_runs: u64 },
}

/// What came of many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explored {
    /// How many runs were made; one that was made twice to compare counts once.
    pub runs: u64,
    /// Whether every schedule there is was run, for one seed; seeds never tell.
    pub complete: bool,
    /// The marks of [`sometimes!`](backstay_core::sometimes) that were passed, and whether they were ever true.
    pub marks: BTreeMap<&'static str, bool>,
    /// The seed of the run that took the most virtual time, and that time.
    pub slowest: Option<(u64, Duration)>,
}

impl Explore {
    /// Runs with each of these seeds, each twice to compare.
    pub fn seeds(seeds: Range<u64>) -> Self {
        let count = seeds.end.saturating_sub(seeds.start);
        Self::new(Plan::Seeds { first: seeds.start, count })
    }

    /// Runs with every choice that the schedule can make, at most so many runs; where these are not enough, which of
    /// them are made depends on the threads.
    ///
    /// For small scenarios: three tasks of three polls each have 1,680 schedules. The schedule of the
    /// [`builder`](Self::builder) counts for nothing here. Its seed, which every run has, decides all that is not whose
    /// turn it is: the random numbers of faults, the network and users, and in which order timers of one instant and
    /// packets that arrive together wake. Tasks that are woken so are ready together, and run in every order; of futures
    /// that one task holds, such as those of `FuturesUnordered`, it is one order of several.
    pub fn exhaustive(max_runs: u64) -> Self {
        Self::new(Plan::Exhaustive { max_runs })
    }

    fn new(plan: Plan) -> Self {
        Self {
            plan,
            builder: Builder::new(),
            twice: true,
            shrinks: true,
            must_reach: Vec::new(),
            allows_unreached: false,
            threads: None,
        }
    }

    /// How each run is made; the seed is replaced.
    pub fn builder(mut self, builder: Builder) -> Self {
        self.builder = builder;
        self
    }

    /// Makes each run once and compares nothing.
    pub fn once(mut self) -> Self {
        self.twice = false;
        self
    }

    /// A mark of [`sometimes!`](backstay_core::sometimes) that some run must reach and find true.
    ///
    /// A mark that a run has passed must be true in some run anyway, unless
    /// [`allow_unreached`](Self::allow_unreached) says otherwise; this is for those that may never be passed,
    /// and for those that must be true nevertheless.
    pub fn must_reach(mut self, mark: &'static str) -> Self {
        self.must_reach.push(mark);
        self
    }

    /// Lets marks be passed that are true in no run: for runs that are too few, or of one order only.
    pub fn allow_unreached(mut self) -> Self {
        self.allows_unreached = true;
        self
    }

    /// On how many threads; by default on all cores.
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Makes the runs.
    ///
    /// # Errors
    ///
    /// The [`Failure`] of the run with the lowest seed that failed, or with the least schedule; or
    /// [`FailureKind::NotCovered`](crate::FailureKind::NotCovered) where a mark was never true, or no run was asked for.
    #[track_caller]
    pub fn run<F, Fut>(self, scenario: F) -> Result<Explored, Failure>
    where
        F: Fn(Sim) -> Fut + Sync,
        Fut: Future<Output = ()>,
    {
        let seen = Mutex::new(Explored::default());
        let location = Location::caller();
        let complete = self.each(location, &scenario, |run| lock(&seen).add(&run))?;
        let mut explored = seen.into_inner().unwrap_or_default();
        explored.complete = complete;
        Ok(explored)
    }

    /// Makes the runs and keeps what came of each, by seed.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    #[track_caller]
    pub fn collect<F, Fut>(self, scenario: F) -> Result<Vec<Completed<Fut::Output>>, Failure>
    where
        F: Fn(Sim) -> Fut + Sync,
        Fut: Future<Output: Send>,
    {
        let runs = Mutex::new(Vec::new());
        self.each(Location::caller(), &scenario, |run| lock(&runs).push(run))?;
        let mut runs = runs.into_inner().unwrap_or_default();
        runs.sort_by(|a, b| (a.seed, &a.choices).cmp(&(b.seed, &b.choices)));
        Ok(runs)
    }

    /// Makes the runs and tells whether that was every schedule there is.
    fn each<F, Fut>(
        mut self,
        location: &'static Location<'static>,
        scenario: &F,
        done: impl Fn(Completed<Fut::Output>) + Sync,
    ) -> Result<bool, Failure>
    where
        F: Fn(Sim) -> Fut + Sync,
        Fut: Future,
    {
        let asked = Asked::from_environment().map_err(Failure::config)?;
        if let Some(asked) = &asked {
            self.plan = Plan::Seeds { first: asked.seed, count: 1 };
            if let Some(choices) = &asked.choices {
                self.builder = self.builder.schedule(Schedule::Choices(choices.clone()));
                self.shrinks = false;
            }
        }
        if matches!(self.plan, Plan::Seeds { count: 0, .. } | Plan::Exhaustive { max_runs: 0 }) {
            return Err(Failure::not_covered(vec!["anything: no runs were asked for".to_owned()]));
        }
        let marks = Mutex::new(BTreeMap::new());
        let done = |run: Completed<_>| {
            merge_marks(&mut lock(&marks), &run.marks);
            done(run);
        };
        let complete = match &self.plan {
            Plan::Seeds { first, count } => {
                self.by_seed(*first, *count, location, scenario, &done)?;
                false
            }
            Plan::Exhaustive { max_runs } => {
                let threads = self.thread_count();
                exhaustive::run(&self.builder, *max_runs, threads, location, scenario, &done)?
            }
        };
        if asked.is_none() {
            self.check_marks(&lock(&marks))?;
        }
        Ok(complete)
    }

    fn by_seed<F, Fut>(
        &self,
        first: u64,
        count: u64,
        location: &'static Location<'static>,
        scenario: &F,
        done: &(impl Fn(Completed<Fut::Output>) + Sync),
    ) -> Result<(), Failure>
    where
        F: Fn(Sim) -> Fut + Sync,
        Fut: Future,
    {
        // Counted from the first seed, so that the last there is can be among them.
        let next = AtomicU64::new(0);
        let worst = Mutex::new(None::<(u64, Failure)>);
        // The lowest seed that failed: those above it are of no interest any more.
        let limit = AtomicU64::new(count);
        on_threads(self.thread_count(), count, || {
            loop {
                let is_wanted = |index| (index < limit.load(Ordering::Relaxed)).then(|| index + 1);
                let Ok(index) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_wanted) else {
                    return;
                };
                let seed = first + index;
                let builder = self.builder.clone().seed(seed);
                let outcome = if self.twice {
                    builder.twice(location, scenario)
                } else {
                    builder.once(location, scenario)
                };
                match outcome {
                    Ok(run) => done(run),
                    Err(failure) => {
                        limit.fetch_min(index, Ordering::Relaxed);
                        let mut worst = lock(&worst);
                        if worst.as_ref().is_none_or(|(other, _)| seed < *other) {
                            *worst = Some((seed, failure));
                        }
                    }
                }
            }
        });
        match worst.into_inner().unwrap_or_default() {
            None => Ok(()),
            Some((_, failure)) if !self.shrinks => Err(failure),
            Some((seed, failure)) => {
                let builder = self.builder.clone().seed(seed);
                Err(shrink::shrink(builder, location, scenario, failure))
            }
        }
    }

    fn thread_count(&self) -> usize {
        self.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }

    fn check_marks(&self, marks: &BTreeMap<&'static str, bool>) -> Result<(), Failure> {
        let missed = self.must_reach.iter().filter(|&mark| marks.get(mark) != Some(&true));
        let never_true =
            marks.iter().filter(|(_, reached)| !self.allows_unreached && !**reached).map(|(mark, _)| mark);
        // A mark may be both, and asked for more than once.
        let missing: BTreeSet<_> = never_true.chain(missed).copied().collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(Failure::not_covered(missing.into_iter().map(str::to_owned).collect()))
        }
    }
}

impl Explored {
    fn add<T>(&mut self, run: &Completed<T>) {
        self.runs += 1;
        merge_marks(&mut self.marks, &run.marks);
        let slower = (run.elapsed, std::cmp::Reverse(run.seed));
        if self.slowest.is_none_or(|(seed, elapsed)| slower > (elapsed, std::cmp::Reverse(seed))) {
            self.slowest = Some((run.seed, run.elapsed));
        }
    }
}

fn merge_marks(all: &mut BTreeMap<&'static str, bool>, more: &BTreeMap<&'static str, bool>) {
    for (mark, reached) in more {
        *all.entry(mark).or_default() |= reached;
    }
}

/// Does the same on several threads, this one among them, where there is enough to do.
fn on_threads(threads: usize, jobs: u64, work: impl Fn() + Sync) {
    // The report takes a test's name from its thread.
    let name = thread::current().name().map(str::to_owned);
    thread::scope(|scope| {
        for _ in 1..threads.min(usize::try_from(jobs).unwrap_or(usize::MAX)) {
            let mut builder = thread::Builder::new();
            if let Some(name) = &name {
                builder = builder.name(name.clone());
            }
            // Where there are no more threads, fewer do it.
            let _ = builder.spawn_scoped(scope, &work);
        }
        work();
    });
}

/// The one run that the environment asks for.
pub(crate) struct Asked {
    pub(crate) seed: u64,
    pub(crate) choices: Option<Vec<u32>>,
    pub(crate) cut: Option<u64>,
}

impl Asked {
    pub(crate) fn from_environment() -> Result<Option<Self>, ConfigError> {
        let Some(seed) = variable("BACKSTAY_SEED")? else { return Ok(None) };
        let choices = match env::var("BACKSTAY_CHOICES") {
            Err(_) => None,
            Ok(list) => {
                let list = list.split(',').filter(|part| !part.is_empty());
                let list: Result<_, _> = list.map(str::parse).collect();
                Some(list.map_err(|_| {
                    ConfigError::invalid("BACKSTAY_CHOICES", "expected numbers, separated by commas")
                })?)
            }
        };
        Ok(Some(Self { seed, choices, cut: variable("BACKSTAY_CUT")? }))
    }
}

fn variable<T: FromStr>(name: &'static str) -> Result<Option<T>, ConfigError> {
    match env::var(name) {
        Err(_) => Ok(None),
        Ok(value) => match value.trim().parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(ConfigError::invalid(name, "expected a number")),
        },
    }
}
