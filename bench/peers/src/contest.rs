//! One piece of work, done by several contestants in turn.

use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A row of the table: the work and who does it.
#[derive(Debug)]
pub struct Contest {
    /// What filters and the table call it.
    pub name: &'static str,
    /// What is done.
    pub about: String,
    /// What a figure is.
    pub unit: Unit,
    /// How many units a run has.
    pub units: u64,
    /// What ours should reach.
    pub goal: Option<Goal>,
    /// Who does it.
    pub entries: Vec<Entry>,
}

/// What a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// The time of one of these.
    TimePer(&'static str),
    /// How many of these in a second.
    PerSecond(&'static str),
}

/// What ours should reach, as a ratio of times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Of this peer's; of the best one's if there is no name.
    pub of: Option<&'static str>,
    /// So much of it at most.
    pub at_most: f64,
}

/// A contestant's way to do the work.
pub struct Entry {
    /// The contestant: a column of the table.
    pub name: &'static str,
    /// Which side it is on.
    pub side: Side,
    /// Does the work once and checks it; gives the processor time that it took.
    pub run: Box<dyn Fn() -> Result<Duration, Wrong>>,
}

/// Which side a contestant is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Another crate.
    Peer,
    /// backstay as its users have it.
    Ours,
    /// backstay with something switched off: to see what that costs, and compared with nobody else.
    Variant,
}

/// The work was done, and wrongly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What was checked.
    pub what: &'static str,
    /// What it should have been.
    pub expected: u64,
    /// What it was.
    pub found: u64,
}

/// What one contestant's runs took: nanoseconds for one unit.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The contestant.
    pub name: &'static str,
    /// Its side.
    pub side: Side,
    /// A figure for each repetition.
    pub nanos: Vec<f64>,
}

impl Contest {
    /// Lets everybody do the work once to warm up, and then `repetitions` times; in each repetition everybody
    /// once, in a new random order, so that a machine that grows slow is so for all.
    ///
    /// # Errors
    ///
    /// When a contestant's result is wrong, with its name.
    pub fn hold(&self, repetitions: u32, rng: &mut Rng) -> Result<Vec<Sample>, (&'static str, Wrong)> {
        let mut samples: Vec<Sample> = self.entries.iter().map(Sample::empty).collect();
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        for repetition in 0..=repetitions {
            rng.shuffle(&mut order);
            for &index in &order {
                let entry = &self.entries[index];
                let took = (entry.run)().map_err(|wrong| (entry.name, wrong))?;
                if repetition > 0 {
                    samples[index].nanos.push(took.as_nanos() as f64 / self.units as f64);
                }
            }
        }
        Ok(samples)
    }
}

impl Sample {
    fn empty(entry: &Entry) -> Self {
        Self { name: entry.name, side: entry.side, nanos: Vec::new() }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).field("side", &self.side).finish_non_exhaustive()
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

impl Error for Wrong {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    fn contest(entries: Vec<Entry>) -> Contest {
        let about = "nothing".to_owned();
        Contest { name: "nothing", about, unit: Unit::TimePer("nothing"), units: 10, goal: None, entries }
    }

    #[test]
    fn a_figure_is_of_one_unit_and_the_warm_up_counts_not() {
        let runs = Rc::new(Cell::new(0));
        let seen = Rc::clone(&runs);
        let run = move || {
            runs.set(runs.get() + 1);
            Ok(Duration::from_nanos(if runs.get() == 1 { 9_999 } else { 50 }))
        };
        let entry = Entry { name: "one", side: Side::Ours, run: Box::new(run) };
        let samples = contest(vec![entry]).hold(3, &mut Rng::with_seed(1)).unwrap();
        assert_eq!(samples[0].nanos, [5.0; 3]);
        assert_eq!(seen.get(), 4);
    }

    #[test]
    fn a_wrong_result_ends_the_contest_and_names_whose_it_is() {
        let wrong = Wrong { what: "sum", expected: 1, found: 2 };
        let given = wrong.clone();
        let good = Entry { name: "good", side: Side::Ours, run: Box::new(|| Ok(Duration::ZERO)) };
        let bad = Entry { name: "bad", side: Side::Peer, run: Box::new(move || Err(given.clone())) };
        let ended = contest(vec![good, bad]).hold(3, &mut Rng::with_seed(1));
        assert_eq!(ended.unwrap_err(), ("bad", wrong));
    }
}
