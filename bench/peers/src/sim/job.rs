//! What there is to do, how much of it, and what must come out.
//!
//! Two of the peers refuse to go on for long at one instant: moonpool after a million polls, bach after a hundred
//! thousand rounds of its queue, and neither limit can be lifted. So in everybody's yields and ping-pong a task
//! sleeps a millisecond now and then ([`Yields::at_once`], [`PingPong::at_once`]), which is less than a
//! thousandth of the work.

use crate::contest::Wrong;
use crate::sim::Answer;
use std::fmt;
use std::time::Duration;

/// A piece of work with its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Tasks that do nothing but yield.
    Yields(Yields),
    /// Tasks that do nothing but sleep.
    Sleeps(Sleeps),
    /// Two tasks and one message between them.
    PingPong(PingPong),
    /// The small scenario of [`ACTORS`] tasks, so often, on a fresh runtime with a seed of its own each time.
    Scenario {
        /// How often.
        runs: u64,
    },
    /// A runtime is made and dropped.
    Creation {
        /// How often.
        runs: u64,
    },
    /// One task registers many timers, no two of them for the same millisecond, and waits for all.
    Timers {
        /// How many at once.
        timers: u64,
        /// How often.
        rounds: u64,
    },
}

/// Size of [`Job::Yields`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yields {
    /// Tasks.
    pub tasks: u64,
    /// Yields of each.
    pub yields: u64,
    /// After so many of them it sleeps a millisecond.
    pub at_once: u64,
}

/// Size of [`Job::Sleeps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sleeps {
    /// Tasks.
    pub tasks: u64,
    /// Sleeps of each, one after the other.
    pub sleeps: u64,
}

/// Size of [`Job::PingPong`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PingPong {
    /// Messages, there and back.
    pub round_trips: u64,
    /// After so many of them the first task sleeps a millisecond.
    pub at_once: u64,
}

impl Sleeps {
    /// How long the sleep of this number of this task is: 1 to 1,000 ms.
    pub fn sleep(self, task: u64, number: u64) -> Duration {
        Duration::from_millis(1 + (task * 7_919 + number * 104_729) % 1_000)
    }

    fn longest(self) -> Duration {
        let task = |task| (0..self.sleeps).map(|number| self.sleep(task, number)).sum();
        (0..self.tasks).map(task).max().unwrap_or_default()
    }
}

/// Tasks of the small scenario. Each sleeps once and then yields once or twice, so that they are polled 70 times in
/// all: of the even ones each 4 times, of the odd ones 3 times.
pub const ACTORS: u64 = 20;

/// How long an actor sleeps: 1 to 20 ms, no two the same.
pub fn actor_sleeps(actor: u64) -> Duration {
    Duration::from_millis(1 + actor * 7 % ACTORS)
}

/// How often an actor yields after that.
pub fn actor_yields(actor: u64) -> u64 {
    2 - actor % 2
}

/// In how many milliseconds the timer that is registered at this place ends: each of 1 to `timers` once, in a
/// scrambled order.
pub fn timer_ends(place: u64, timers: u64) -> u64 {
    // A prime that divides no round number of timers.
    1 + place * 7_919 % timers
}

impl Job {
    /// How many yields, sleeps, round trips, runs or timers it is.
    pub fn units(self) -> u64 {
        match self {
            Self::Yields(size) => size.tasks * size.yields,
            Self::Sleeps(size) => size.tasks * size.sleeps,
            Self::PingPong(size) => size.round_trips,
            Self::Scenario { runs } | Self::Creation { runs } => runs,
            Self::Timers { timers, rounds } => timers * rounds,
        }
    }

    /// What must come out.
    pub fn expected(self) -> Answer {
        let (sum, elapsed) = match self {
            Self::Yields(size) => (self.units(), Duration::from_millis(size.yields / size.at_once)),
            Self::Sleeps(size) => (self.units(), size.longest()),
            Self::PingPong(size) => {
                let messages = (0..size.round_trips).sum();
                (messages, Duration::from_millis(size.round_trips / size.at_once))
            }
            Self::Scenario { runs } => (70 * runs, Duration::from_millis(ACTORS * runs)),
            Self::Creation { runs } => (runs, Duration::ZERO),
            Self::Timers { .. } => (self.units(), Duration::from_millis(self.units())),
        };
        Answer { sum, elapsed }
    }

    /// Compares what came out with what must.
    ///
    /// # Errors
    ///
    /// When it is something else.
    pub fn check(self, answer: Answer) -> Result<(), Wrong> {
        let Answer { sum, elapsed } = self.expected();
        let nanos = |elapsed: Duration| u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
        check("what the tasks counted", sum, answer.sum)?;
        check("virtual nanoseconds", nanos(elapsed), nanos(answer.elapsed))
    }
}

fn check(what: &'static str, expected: u64, found: u64) -> Result<(), Wrong> {
    if expected == found { Ok(()) } else { Err(Wrong { what, expected, found }) }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Yields(Yields { tasks, yields, .. }) => {
                write!(f, "{} tasks yield {} times each", Grouped(tasks), Grouped(yields))
            }
            Self::Sleeps(Sleeps { tasks, sleeps }) => {
                write!(f, "{} tasks sleep {} times each, for 1 to 1,000 ms", Grouped(tasks), Grouped(sleeps))
            }
            Self::PingPong(PingPong { round_trips, .. }) => {
                write!(
                    f,
                    "2 tasks, 1 message, {} times there and back over futures' mpsc",
                    Grouped(round_trips)
                )
            }
            Self::Scenario { runs } => {
                write!(
                    f,
                    "{ACTORS} tasks, 70 polls, a fresh runtime and seed each time; {} runs",
                    Grouped(runs)
                )
            }
            Self::Creation { runs } => write!(f, "a runtime made and dropped, {} times", Grouped(runs)),
            Self::Timers { timers, rounds } => {
                write!(f, "1 task registers {} timers, then waits for all; rounds: {rounds}", Grouped(timers))
            }
        }
    }
}

/// With commas between thousands.
struct Grouped(u64);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 1_000, self.0 % 1_000) {
            (0, rest) => write!(f, "{rest}"),
            (above, rest) => write!(f, "{},{rest:03}", Self(above)),
        }
    }
}
