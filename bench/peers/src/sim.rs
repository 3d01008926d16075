//! The simulated runtime beside other single-threaded runtimes in virtual time.
//!
//! | to see | look at |
//! |---|---|
//! | the work, its sizes and its right answers | [`job`] |
//! | how each runtime does it, by hand and in its own idiom | `sim/` |

mod bach;
mod backstay;
pub mod job;
mod moonpool;
mod pending;
mod tokio_paused;
mod turmoil;
mod yield_now;

use crate::bench::{Bench, Family, Size, Table};
use crate::contest::{Contest, Entry, Side, Unit};
use crate::work::{Clock, Outcome, Way, Work, measured};
use job::{Job, PingPong, Sleeps, Yields};
use std::time::Duration;

/// The bench.
pub const BENCH: Bench = Bench {
    title: "\
backstay-sim beside other single-threaded runtimes in virtual time, on the same work.
  tokio        1.x, current thread, start_paused, with its cooperative budget, which is its default
  turmoil      0.7, one host, ticks of 1 ms, which is its default
  bach         0.2, without net, coop and metrics
  moonpool     0.8, its executor and its world, without the runner around them; chaos off
  backstay     the random schedule, without faults; untraced: without its trace and hash
  yield        one self-wake, the same on all
  a task       is spawned and joined inside the measured time; nothing runs in a root future
  time         of this thread's processor",
    tables: &[TABLE],
};

/// The table.
pub const TABLE: Table = Table {
    heading: "",
    columns: &["tokio", "turmoil", "bach", "moonpool", "backstay", "untraced"],
    contests,
};

/// It, with work that can be counted.
pub const FAMILIES: [Family; 1] = [(TABLE, works)];

/// A runtime that takes part.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    /// Its name in the table.
    pub name: &'static str,
    /// Which side it is on.
    pub side: Side,
    /// Does a job on a fresh runtime.
    pub run: fn(Job) -> Run,
}

/// A job done: what it took and what came out.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The processor time.
    pub took: Duration,
    /// To be checked with [`Job::check`].
    pub answer: Answer,
}

/// What comes out of a job: the same on every runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What the tasks counted.
    pub sum: u64,
    /// How much virtual time went by.
    pub elapsed: Duration,
}

impl Answer {
    /// Of several runs.
    fn total(answers: impl Iterator<Item = Self>) -> Self {
        let none = Self { sum: 0, elapsed: Duration::ZERO };
        answers.fold(none, |all, one| Self { sum: all.sum + one.sum, elapsed: all.elapsed + one.elapsed })
    }
}

/// All that take part.
pub const CONTESTANTS: [Contestant; 6] = [
    Contestant { name: "tokio", side: Side::Peer, run: tokio_paused::run },
    Contestant { name: "turmoil", side: Side::Peer, run: turmoil::run },
    Contestant { name: "bach", side: Side::Peer, run: bach::run },
    Contestant { name: "moonpool", side: Side::Peer, run: moonpool::run },
    Contestant { name: "backstay", side: Side::Ours, run: backstay::run },
    Contestant { name: "untraced", side: Side::Variant, run: backstay::run_untraced },
];

/// A row: its name, its work, and what a figure is of.
type Row = (&'static str, Job, Unit);

fn rows(size: Size) -> [Row; 7] {
    let less = |full: u64| if size == Size::Quick { full / 10 } else { full };
    let yields = Yields { tasks: 100, yields: less(10_000), at_once: 5_000 };
    let sleeps = Sleeps { tasks: 1_000, sleeps: less(100) };
    let ping_pong = PingPong { round_trips: less(100_000), at_once: 25_000 };
    [
        ("yields", Job::Yields(yields), Unit::TimePer("yield")),
        ("sleeps", Job::Sleeps(sleeps), Unit::TimePer("timer")),
        ("ping-pong", Job::PingPong(ping_pong), Unit::TimePer("round trip")),
        ("scenario", Job::Scenario { runs: less(2_000) }, Unit::PerSecond("seeds")),
        ("creation", Job::Creation { runs: less(5_000) }, Unit::TimePer("runtime")),
        ("timers-few", Job::Timers { timers: 1_000, rounds: less(100) }, Unit::TimePer("timer")),
        ("timers-many", Job::Timers { timers: less(1_000_000), rounds: 1 }, Unit::TimePer("timer")),
    ]
}

fn contests(size: Size) -> Vec<Contest> {
    rows(size)
        .map(|(name, job, unit)| Contest {
            name,
            about: job.to_string(),
            unit,
            units: job.units(),
            goal: None,
            entries: CONTESTANTS.iter().filter(|who| who.does(job)).map(|who| who.entry(job)).collect(),
        })
        .into()
}

/// The same to be counted: a run with its runtime's start and end, which is little of it.
fn works(size: Size) -> Vec<Work> {
    rows(size)
        .map(|(name, job, unit)| Work {
            name,
            about: job.to_string(),
            unit: match unit {
                Unit::TimePer(unit) => unit,
                Unit::PerSecond(_) => "seed",
            },
            units: job.units(),
            answer: job.expected().sum,
            clock: Clock::Thread,
            goal: None,
            ways: CONTESTANTS.iter().filter(|who| who.does(job)).map(|who| who.way(job)).collect(),
        })
        .into()
}

impl Contestant {
    /// Whether it does this job: a variant only yields.
    fn does(&self, job: Job) -> bool {
        self.side != Side::Variant || matches!(job, Job::Yields(_))
    }

    fn way(&self, job: Job) -> Way {
        let run = self.run;
        let counted = move |meter| -> Outcome { measured(meter, || run(job).answer.sum) };
        Way { name: self.name, side: self.side, run: Box::new(counted) }
    }

    fn entry(&self, job: Job) -> Entry {
        let run = self.run;
        let checked = move || {
            let Run { took, answer } = run(job);
            job.check(answer).map(|()| took)
        };
        Entry { name: self.name, side: self.side, run: Box::new(checked) }
    }
}
