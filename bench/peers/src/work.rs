//! A piece of work that can be measured in more than one way: its time, its allocations, its instructions.

use crate::contest::{Contest, Entry, Goal, Side, Unit, Wrong};
use crate::stopwatch::thread_nanoseconds;
use backstay_bench::sample::{Meter, nanoseconds};
use std::fmt;
use std::time::Duration;

/// A row of the table, as [`Contest`], with contestants that take any [`Meter`].
#[derive(Debug)]
pub struct Work {
    /// What filters and the table call it.
    pub name: &'static str,
    /// What is done.
    pub about: String,
    /// What a figure is of.
    pub unit: &'static str,
    /// How many of them a run has; in a row of two threads, each thread's.
    pub units: u64,
    /// What must come out.
    pub answer: u64,
    /// Whose time it is.
    pub clock: Clock,
    /// What ours should reach.
    pub goal: Option<Goal>,
    /// Who does it, and how.
    pub ways: Vec<Way>,
}

/// Whose time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The processor's, of the one thread that does it.
    Thread,
    /// The wall's: two threads wait for each other.
    Wall,
}

/// A contestant's way to do the work.
pub struct Way {
    /// The contestant: a column of the table.
    pub name: &'static str,
    /// Which side it is on.
    pub side: Side,
    /// Does it once.
    pub run: Box<dyn Fn(Meter) -> Outcome>,
}

/// The work done: what the meter counted, and what came out.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// What it took.
    pub spent: u64,
    /// To be compared with [`Work::answer`].
    pub answer: u64,
}

/// Does the part of a run that counts: what is made before and dropped after it is nobody's.
///
/// A profiler finds this function by its name, so it is never inlined. See `scripts/instructions-peers`.
#[inline(never)]
pub fn measured(meter: Meter, work: impl FnOnce() -> u64) -> Outcome {
    let before = meter();
    let answer = work();
    Outcome { spent: meter() - before, answer }
}

impl Work {
    /// What `way` takes for it, as counted by `meter`.
    ///
    /// # Errors
    ///
    /// When its result is wrong.
    pub fn run(&self, way: &Way, meter: Meter) -> Result<u64, Wrong> {
        check(self.answer, (way.run)(meter))
    }

    /// The row of times.
    pub fn contest(self) -> Contest {
        let Self { name, about, unit, units, answer, clock, goal, ways } = self;
        let meter = match clock {
            Clock::Thread => thread_nanoseconds,
            Clock::Wall => nanoseconds,
        };
        let entry = |Way { name, side, run }| {
            let run = move || check(answer, run(meter)).map(Duration::from_nanos);
            Entry { name, side, run: Box::new(run) }
        };
        let entries = ways.into_iter().map(entry).collect();
        Contest { name, about, unit: Unit::TimePer(unit), units, goal, entries }
    }
}

fn check(expected: u64, Outcome { spent, answer }: Outcome) -> Result<u64, Wrong> {
    if expected == answer {
        Ok(spent)
    } else {
        Err(Wrong { what: "what was counted", expected, found: answer })
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("name", &self.name).field("side", &self.side).finish_non_exhaustive()
    }
}
