//! A run: how it is made, and what comes of it.

use crate::choice::Choice;
use crate::executor::Executor;
use crate::faults::Faults;
use crate::kernel::{Kernel, Start};
use crate::limits::Limits;
use crate::net::HostId;
use crate::owner::SimOwner;
use crate::policy::Schedule;
use crate::pool::Pool;
use crate::quiet::quietly;
use crate::report::{Failure, Replay};
use crate::runtime::Sim;
use crate::trace::{Trace, TraceHash};
use backstay_core::time::Instant;
use backstay_core::{BlockOn, Config, ConfigError, Flavor};
use std::collections::BTreeMap;
use std::env;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::pin;
use std::time::Duration;

/// A simulated runtime to be: see [`Sim::builder`].
///
/// | setting | default |
/// |---|---|
/// | [`seed`](Self::seed) | 0 |
/// | [`schedule`](Self::schedule) | [`Schedule::Random`] |
/// | [`faults`](Self::faults) | [`Faults::off`] |
/// | [`max_polls`](Self::max_polls) | 10,000,000 |
/// | [`max_time`](Self::max_time) | ten years |
/// | [`livelock_after`](Self::livelock_after) | 100,000 polls |
/// | [`strict_wakers`](Self::strict_wakers) | no |
/// | [`backtraces`](Self::backtraces) | unless `BACKSTAY_BACKTRACE` is set, no |
/// | [`blocking_cost`](Self::blocking_cost) | none |
/// | [`max_blocking_threads`](Self::max_blocking_threads) | 512 |
/// | [`grace`](Self::grace) | a minute |
/// | [`allow_leak`](Self::allow_leak) | nothing may be left over |
///
/// # Examples
///
/// ```
/// use backstay_core::Runtime;
/// use backstay_sim::{FailureKind, Sim};
///
/// let run = Sim::builder().seed(42).run(|rt: Sim| async move { rt.random_u64() })?;
/// let again = Sim::builder().seed(42).run(|rt: Sim| async move { rt.random_u64() })?;
/// assert_eq!((run.value, run.hash), (again.value, again.hash));
///
/// let stuck = Sim::builder().run(|_: Sim| std::future::pending::<()>()).unwrap_err();
/// assert!(matches!(stuck.kind(), FailureKind::Deadlock));
/// # Ok::<(), backstay_sim::Failure>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it builds or runs"]
pub struct Builder {
    seed: u64,
    schedule: Schedule,
    faults: Faults,
    limits: Limits,
    trace: bool,
    record: bool,
    blocking_cost: Duration,
    blocking_threads: NonZeroUsize,
    grace: Duration,
    leaks: Vec<String>,
    replay: Option<String>,
}

/// What came of a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Completed<T> {
    /// What the run's future gave.
    pub value: T,
    /// The seed it ran with.
    pub seed: u64,
    /// The virtual time at which the future ended.
    pub elapsed: Duration,
    /// How many polls there were, to the very end.
    pub polls: u64,
    /// How many tasks and blocking jobs were spawned.
    pub tasks: u64,
    /// A number for all that happened.
    pub hash: TraceHash,
    /// The marks of [`sometimes!`](backstay_core::sometimes) that were passed, and whether they were ever true.
    pub marks: BTreeMap<&'static str, bool>,
    /// The choices of the schedule, if they were to be recorded.
    pub choices: Vec<u32>,
}

impl Sim {
    /// A simulated runtime, to be configured.
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// Everything at its default.
    pub fn new() -> Self {
        Self {
            seed: 0,
            schedule: Schedule::Random,
            faults: Faults::off(),
            limits: Limits::default(),
            trace: true,
            record: false,
            blocking_cost: Duration::ZERO,
            blocking_threads: NonZeroUsize::new(512).unwrap_or(NonZeroUsize::MIN),
            grace: Duration::from_secs(60),
            leaks: Vec::new(),
            replay: None,
        }
    }

    /// What decides everything that happens by chance.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// In which order tasks run that can run.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// A run out of a fuzzer's input: the first eight bytes are the [seed](Self::seed), of what goes wrong, the network
    /// and the code's own random numbers; each of the others is a choice of the [schedule](Schedule::Bytes). What is
    /// missing is zero, so that any input is a run, and the empty one is that of seed 0 in which always the first task
    /// that is ready goes on.
    ///
    /// So a fuzzer that watches which code is reached searches among orders and faults, and makes smaller what it finds.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::{JoinHandle, Runtime};
    /// use backstay_sim::{Failure, Sim};
    /// use std::sync::{Arc, Mutex};
    ///
    /// async fn two_appends(rt: Sim) -> String {
    ///     let list = Arc::new(Mutex::new(String::new()));
    ///     let tasks = ["a", "b"].map(|name| {
    ///         let list = list.clone();
    ///         rt.spawn(async move { list.lock().unwrap().push_str(name) })
    ///     });
    ///     for task in tasks {
    ///         task.await.unwrap();
    ///     }
    ///     list.lock().unwrap().clone()
    /// }
    ///
    /// // In a fuzz target: fuzz_target!(|input: &[u8]| { ... });
    /// assert_eq!(Sim::builder().fuzzed(&[]).run(two_appends)?.value, "ab");
    /// assert_eq!(Sim::builder().fuzzed(&[0, 0, 0, 0, 0, 0, 0, 0, 1]).run(two_appends)?.value, "ba");
    /// # Ok::<(), Failure>(())
    /// ```
    pub fn fuzzed(mut self, input: &[u8]) -> Self {
        let (seed, choices) = input.split_at(input.len().min(8));
        let mut bytes = [0; 8];
        bytes[..seed.len()].copy_from_slice(seed);
        self.seed = u64::from_le_bytes(bytes);
        self.schedule = Schedule::Bytes(choices.to_vec());
        self
    }

    /// What goes wrong on purpose.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// The most polls of a run.
    pub fn max_polls(mut self, polls: u64) -> Self {
        self.limits.max_polls = polls;
        self
    }

    /// The most virtual time of a run.
    pub fn max_time(mut self, time: Duration) -> Self {
        self.limits.max_time = time;
        self
    }

    /// The most polls at one instant: more are a livelock.
    pub fn livelock_after(mut self, polls: u64) -> Self {
        self.limits.livelock_after = polls;
        self
    }

    /// Fails at the poll after which a task is pending, nobody has its waker, and nobody can abort it.
    ///
    /// Most often a waker that was not registered. It is legal, for `pending()` for instance, so it is not on by
    /// default; a deadlock's report tells it anyway.
    pub fn strict_wakers(mut self) -> Self {
        self.limits.strict_wakers = true;
        self
    }

    /// Lets a report say, of each task, where in the code it waits: the functions on the way, the innermost first, those
    /// of the code under test alone. Setting the variable `BACKSTAY_BACKTRACE` to anything but `0` does it too.
    ///
    /// It is heard of what tells a report [what it waits for](backstay_core::probe), which everything of backstay's does;
    /// another crate's future shows where its task was spawned, and no more. A backtrace takes milliseconds, and what is
    /// in it depends on the build: functions that were inlined are missing, and lines where there are no debug symbols.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::sync::Semaphore;
    /// use backstay_sim::Sim;
    ///
    /// async fn reserve(places: &Semaphore) {
    ///     let _place = places.acquire().await;
    ///     let _another = places.acquire().await; // there is one alone
    /// }
    ///
    /// let failure = Sim::builder().backtraces(true).run(async |_: Sim| reserve(&Semaphore::new(Limit::ONE)).await).unwrap_err();
    /// # #[cfg(debug_assertions)]
    /// assert!(failure.to_string().contains("::reserve"));
    /// ```
    pub fn backtraces(mut self, backtraces: bool) -> Self {
        self.limits.backtraces = backtraces;
        self
    }

    /// For how much virtual time a blocking job holds its thread before it runs; [`Sim::set_blocking_cost`] changes
    /// it on the way.
    pub fn blocking_cost(mut self, cost: Duration) -> Self {
        self.blocking_cost = cost;
        self
    }

    /// How many blocking jobs can run at the same time.
    pub fn max_blocking_threads(mut self, threads: NonZeroUsize) -> Self {
        self.blocking_threads = threads;
        self
    }

    /// How much virtual time what is left has to end by itself after the run's future has ended. Faults are over
    /// then.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Lets tasks of this name be left over, and whatever is held under this label.
    pub fn allow_leak(mut self, name: impl Into<String>) -> Self {
        self.leaks.push(name.into());
        self
    }

    /// What a report names as the command that repeats the run; `{seed}` stands for the seed.
    ///
    /// Without it, the report names the test that runs: `BACKSTAY_SEED=7 cargo test -p package test_name`.
    pub fn replay_with(mut self, command: impl Into<String>) -> Self {
        self.replay = Some(command.into());
        self
    }

    /// Remembers the choices of the random schedule, or of a list or bytes: [`Schedule::Choices`] repeats them.
    pub fn record(mut self) -> Self {
        self.record = true;
        self
    }

    /// Whether to keep a hash and the last events, which is the default; without, a run is a little faster.
    pub fn trace(mut self, trace: bool) -> Self {
        self.trace = trace;
        self
    }

    /// What a [`Config`] asks for, as far as it makes sense here.
    pub(crate) fn config(mut self, config: &Config) -> Result<Self, ConfigError> {
        config.validate()?;
        let unsupported = |field, reason| Err(ConfigError::unsupported("sim", field, reason));
        if config.flavor == Flavor::MultiThread && config.worker_threads.is_some_and(|n| n.get() > 1) {
            return unsupported("worker_threads", "everything runs on the one thread that is in block_on");
        }
        if config.thread_name.is_some() {
            return unsupported("thread_name", "there are no threads to be named");
        }
        if config.thread_stack_size.is_some() {
            return unsupported("thread_stack_size", "everything runs on the caller's stack");
        }
        if let Some(threads) = config.max_blocking_threads {
            self.blocking_threads = threads;
        }
        Ok(self)
    }

    /// An owner of what was configured.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`] for a fault whose probability is none, naming it.
    pub fn build(&self) -> Result<SimOwner, ConfigError> {
        let Self { seed, schedule, faults, blocking_cost, blocking_threads, .. } = self;
        let seed = *seed;
        let (active, network) = faults.for_seed(seed)?;
        let kernel = Kernel::new(Start {
            seed,
            timers_in_order: schedule.keeps_timers_in_order(),
            early_timers: faults.early_timer_chance()?,
            pool: Pool::new(blocking_threads.get(), *blocking_cost),
        });
        if network != Default::default() {
            kernel.network().set_faults(network);
        }
        let trace = Trace::new(self.trace);
        let mut limits = self.limits;
        limits.backtraces |= env::var_os("BACKSTAY_BACKTRACE").is_some_and(|value| value != "0");
        let mut executor = Executor::new(schedule, seed, active, faults.phases(), limits, trace);
        if self.record {
            executor.choices.record();
        }
        let rt = Sim::new(kernel, HostId::MAIN);
        Ok(SimOwner::from_parts(rt, executor, self.replay()))
    }

    /// Runs a scenario to its end, then what is left, and checks that nothing is left over.
    ///
    /// # Errors
    ///
    /// A [`Failure`] with a report: the scenario panicked, can't end, left something over, or the configuration is
    /// invalid.
    #[track_caller]
    pub fn run<F, Fut>(self, scenario: F) -> Result<Completed<Fut::Output>, Failure>
    where
        F: FnOnce(Sim) -> Fut,
        Fut: Future,
    {
        self.once(Location::caller(), scenario)
    }

    /// Runs a scenario twice and compares: what happened, when, and the text of a failure.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); [`FailureKind::NotDeterministic`](crate::FailureKind::NotDeterministic) where the
    /// runs differ: the scenario reads a real clock, a random number or the order of a `HashMap`, or uses threads.
    #[track_caller]
    pub fn run_twice<F, Fut>(self, scenario: F) -> Result<Completed<Fut::Output>, Failure>
    where
        F: Fn(Sim) -> Fut,
        Fut: Future,
    {
        self.twice(Location::caller(), &scenario)
    }
}

/// Runs on behalf of somebody else.
impl Builder {
    /// How far what is left over may go: as long as the grace, and no further than the run.
    fn last_instant(&self, now: Instant) -> Instant {
        (now + self.grace).min(Instant::ORIGIN + self.limits.max_time)
    }

    fn replay(&self) -> Replay {
        Replay { seed: self.seed, schedule: self.schedule.clone(), command: self.replay.clone() }
    }

    /// Whether [`Schedule::Choices`] could repeat its runs.
    pub(crate) const fn has_choices(&self) -> bool {
        matches!(self.schedule, Schedule::Random | Schedule::Choices(_) | Schedule::Bytes(_))
    }

    pub(crate) fn once<F, Fut>(
        self,
        location: &'static Location<'static>,
        scenario: F,
    ) -> Result<Completed<Fut::Output>, Failure>
    where
        F: FnOnce(Sim) -> Fut,
        Fut: Future,
    {
        self.build().map_err(Failure::config)?.complete(&self, location, scenario)
    }

    /// Runs and gives the choices too, however the run ended.
    pub(crate) fn with_choices<F, Fut>(
        mut self,
        location: &'static Location<'static>,
        scenario: F,
    ) -> (Result<Completed<Fut::Output>, Failure>, Vec<Choice>)
    where
        F: FnOnce(Sim) -> Fut,
        Fut: Future,
    {
        self.record = true;
        let mut owner = match self.build() {
            Ok(owner) => owner,
            Err(error) => return (Err(Failure::config(error)), Vec::new()),
        };
        let outcome = owner.complete(&self, location, scenario);
        let choices = owner.executor().choices.recorded().unwrap_or_default().to_vec();
        (outcome, choices)
    }

    pub(crate) fn twice<F, Fut>(
        self,
        location: &'static Location<'static>,
        scenario: F,
    ) -> Result<Completed<Fut::Output>, Failure>
    where
        F: Fn(Sim) -> Fut,
        Fut: Future,
    {
        let replay = self.replay();
        let first = self.clone().once(location, &scenario);
        // One that has failed has been heard.
        let second = if first.is_err() {
            quietly(|| self.once(location, &scenario))
        } else {
            self.once(location, &scenario)
        };
        match (first, second) {
            (Ok(first), Ok(second)) if first.same_run(&second) => Ok(second),
            (Err(first), Err(second)) if first.to_string() == second.to_string() => Err(second),
            (first, second) => {
                let tell = |outcome: Result<Completed<_>, Failure>| match outcome {
                    Ok(run) => {
                        format!("ended after {:?}, {} polls, trace {}", run.elapsed, run.polls, run.hash)
                    }
                    Err(failure) => failure.summary(),
                };
                Err(replay.not_deterministic([tell(first), tell(second)]))
            }
        }
    }
}

impl SimOwner {
    /// A simulated runtime with the seed 0, the random schedule and no faults; [`Sim::builder`] makes others.
    ///
    /// # Errors
    ///
    /// What [`Config::validate`] refuses; [`ConfigError::Unsupported`], naming the field, for what makes no sense
    /// without threads: more than one worker, a thread's name, its stack.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        Builder::new().config(&config)?.build()
    }

    /// Runs a scenario to its end, then what is left, and drops all.
    fn complete<F, Fut>(
        &mut self,
        builder: &Builder,
        location: &'static Location<'static>,
        scenario: F,
    ) -> Result<Completed<Fut::Output>, Failure>
    where
        F: FnOnce(Sim) -> Fut,
        Fut: Future,
    {
        let rt = self.runtime().clone();
        let mut value = None;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let _inside = self.enter();
            let root = pin!(async { value = Some(scenario(rt).await) });
            self.drive(location, root)
        }));
        match outcome {
            Ok(result) => result?,
            Err(payload) => return Err(self.panicked(payload)),
        }
        let value = value.expect("a run without a failure ends with the future's end");
        let elapsed = self.kernel().now().since_origin();
        if let Err(failure) = self.run_down(builder.last_instant(self.kernel().now()), &builder.leaks) {
            // Its destructor is the scenario's code: what that does now changes nothing.
            let _inside = self.enter();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
            return Err(failure);
        }
        self.end();
        let kernel = self.kernel().clone();
        let executor = self.executor();
        let choices = executor.choices.recorded().unwrap_or_default();
        Ok(Completed {
            value,
            seed: builder.seed,
            elapsed,
            polls: executor.polls,
            tasks: kernel.tasks(),
            hash: executor.trace.hash(),
            marks: kernel.recorder.marks(),
            choices: choices.iter().map(|choice| choice.taken).collect(),
        })
    }
}

impl<T> Completed<T> {
    fn same_run(&self, other: &Self) -> bool {
        (self.hash, self.polls, self.elapsed) == (other.hash, other.polls, other.elapsed)
    }
}
