//! What was measured, as data: what a bench writes with `--json`, and what [`document`](crate::document) is made of.

use crate::contest::{Contest, Sample, Side, Unit};
use crate::table::Held;
use backstay_bench::doctor::Finding;
use backstay_bench::environment::Environment;
use backstay_bench::stats::{Estimate, median, ratio_estimate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the form: it changes whenever a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// All that [`document`](crate::document) says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Results {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What measures it again.
    pub command: String,
    /// Whether it was a first impression.
    pub quick: bool,
    /// Whether only some of the work was wanted.
    pub partial: bool,
    /// When it began, in seconds since 1970.
    pub started: u64,
    /// How long it took, without building.
    pub seconds: u64,
    /// What it was measured on.
    pub environment: Environment,
    /// What disturbs figures there.
    pub doctor: Vec<Finding>,
    /// The crates that took part, and their versions.
    pub crates: BTreeMap<String, String>,
    /// valgrind's version; `None` where it is missing.
    pub valgrind: Option<String>,
    /// The benches.
    pub benches: Vec<Bench>,
    /// Instructions of one-thread rows.
    pub instructions: Vec<Count>,
    /// Allocations of one-thread rows.
    pub allocations: Vec<Count>,
    /// The static traits beside the bare runtimes.
    pub traits: Vec<Trait>,
}

/// What a bench found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bench {
    /// Its name for cargo.
    #[serde(default)]
    pub name: String,
    /// What it says of itself.
    pub title: String,
    /// The order's seed.
    pub seed: u64,
    /// How often everybody did each piece of work.
    pub repetitions: u32,
    /// How long it took.
    pub seconds: u64,
    /// Its tables.
    pub families: Vec<Family>,
}

/// A table of a bench.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Family {
    /// What it says of itself and its contestants.
    pub heading: String,
    /// The contestants from left to right.
    pub columns: Vec<String>,
    /// The contests.
    pub rows: Vec<Row>,
}

/// A contest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What is done.
    pub about: String,
    /// What a figure is of.
    pub unit: String,
    /// Whether it is shown as how many in a second.
    pub is_rate: bool,
    /// The goal of the contest.
    pub goal: Option<Goal>,
    /// What everybody took.
    pub times: Vec<Times>,
}

/// The goal of a contest, as a ratio of times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Of this peer's, or of the best one's.
    pub of: Option<String>,
    /// So much of it at most.
    pub at_most: f64,
}

/// What a contestant took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Times {
    /// The contestant.
    pub name: String,
    /// Its side.
    pub side: Side,
    /// Nanoseconds of a unit in each repetition.
    pub nanos: Vec<f64>,
}

/// What a contestant's work takes, counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The contest.
    pub work: String,
    /// The contestant.
    pub contestant: String,
    /// Its side.
    pub side: Side,
    /// How many units.
    pub units: u64,
    /// What a unit is.
    pub unit: String,
    /// The count of all of them.
    pub count: u64,
}

/// What an operation takes on a runtime, by hand or through backstay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trait {
    /// The runtime.
    pub runtime: String,
    /// `spawn`, `timeout-ready`, `timeout-pending`.
    pub operation: String,
    /// `bare` or `backstay`.
    pub variant: String,
    /// Instructions of one; `None` without valgrind.
    pub instructions: Option<f64>,
    /// Allocations of one.
    pub allocations: f64,
}

impl Family {
    /// A table of contests that were held.
    pub fn of(heading: &str, columns: &[&str], held: &[Held<'_>]) -> Self {
        Self {
            heading: heading.to_owned(),
            columns: columns.iter().copied().map(str::to_owned).collect(),
            rows: held.iter().map(|(contest, samples)| Row::of(contest, samples)).collect(),
        }
    }
}

impl Row {
    fn of(contest: &Contest, samples: &[Sample]) -> Self {
        let (unit, is_rate) = match contest.unit {
            Unit::TimePer(unit) => (unit, false),
            Unit::PerSecond(unit) => (unit, true),
        };
        let times = |Sample { name, side, nanos }: &Sample| Times {
            name: (*name).to_owned(),
            side: *side,
            nanos: nanos.clone(),
        };
        Self {
            name: contest.name.to_owned(),
            about: contest.about.clone(),
            unit: unit.to_owned(),
            is_rate,
            goal: contest.goal.map(|goal| Goal { of: goal.of.map(str::to_owned), at_most: goal.at_most }),
            times: samples.iter().map(times).collect(),
        }
    }

    /// What this contestant took, if it took part.
    pub fn times(&self, name: &str) -> Option<&Times> {
        self.times.iter().find(|times| times.name == name && times.is_a_time())
    }

    /// What ours took.
    pub fn ours(&self) -> Option<&Times> {
        self.times.iter().find(|times| times.side == Side::Ours && times.is_a_time())
    }

    /// The peer that took the least.
    pub fn best_peer(&self) -> Option<&Times> {
        let peers = self.times.iter().filter(|times| times.side == Side::Peer && times.is_a_time());
        peers.min_by(|a, b| a.median().total_cmp(&b.median()))
    }
}

impl Times {
    /// Nanoseconds of a unit; NaN where there is no figure.
    pub fn median(&self) -> f64 {
        median(&self.nanos)
    }

    /// Whether there is a figure, and one that something takes.
    pub fn is_a_time(&self) -> bool {
        let median = self.median();
        median.is_finite() && median > 0.0
    }

    /// These over those.
    pub fn over(&self, those: &Self) -> Estimate {
        ratio_estimate(&self.nanos, &those.nanos)
    }
}

impl Count {
    /// Of one unit.
    pub fn of_one(&self) -> f64 {
        self.count as f64 / self.units.max(1) as f64
    }

    /// That of this contestant in this contest.
    pub fn find<'a>(counts: &'a [Self], work: &str, contestant: &str) -> Option<&'a Self> {
        counts.iter().find(|count| count.work == work && count.contestant == contestant)
    }
}

impl Results {
    /// The contest of this name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        let families = self.benches.iter().flat_map(|bench| &bench.families);
        families.flat_map(|family| &family.rows).find(|row| row.name == name)
    }
}

impl Trait {
    /// What an operation takes on a runtime, `bare` or through `backstay`.
    pub fn find<'a>(traits: &'a [Self], runtime: &str, operation: &str, variant: &str) -> Option<&'a Self> {
        let is_it =
            |one: &&Self| one.runtime == runtime && one.operation == operation && one.variant == variant;
        traits.iter().find(is_it)
    }
}
