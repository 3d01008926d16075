//! The gate: what ours takes, counted, against a baseline that is committed.

use crate::results::{Count, Trait};
use crate::traits::is_steady;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write;

/// How far instructions may be off, either way: what the clock makes of them.
pub const TOLERANCE: f64 = 0.01;

/// The same of the static traits: their package is compiled as users compile theirs, in several units, and what else is
/// in it decides what is inlined. By how much they may exceed the bare runtime is a limit of its own, and sharper.
pub const TOLERANCE_OF_TRAITS: f64 = 0.05;

/// What ours takes, and what it was counted with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// What decides how many instructions there are, by name: the compiler, the target, the C library.
    pub with: BTreeMap<String, String>,
    /// The rows, by work and contestant.
    pub rows: BTreeMap<String, Taken>,
}

/// What a row takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// How many units.
    pub units: u64,
    /// Of all of them.
    pub instructions: u64,
    /// Of all of them.
    pub allocations: u64,
}

/// What is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The row.
    pub row: String,
    /// What became of it.
    pub what: What,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The baseline doesn't have it.
    New,
    /// Only the baseline has it.
    Vanished,
    /// It is of another size: nothing can be compared.
    Resized,
    /// Instructions, then and now.
    Instructions(Taken, Taken),
    /// Allocations, then and now.
    Allocations(Taken, Taken),
}

impl Baseline {
    /// What was counted now.
    pub fn of(
        with: BTreeMap<String, String>,
        instructions: &[Count],
        allocations: &[Count],
        traits: &[Trait],
    ) -> Self {
        let mut rows = BTreeMap::new();
        for count in instructions {
            let allocated = Count::find(allocations, &count.work, &count.contestant);
            let taken = Taken {
                units: count.units,
                instructions: count.count,
                allocations: allocated.map_or(0, |count| count.count),
            };
            rows.insert(format!("{} {}", count.work, count.contestant), taken);
        }
        for one in traits.iter().filter(|one| one.variant != "bare" && is_steady(one)) {
            const UNITS: u32 = 1_000;
            let of_all = |of_one: f64| (of_one * f64::from(UNITS)).round() as u64;
            let taken = Taken {
                units: UNITS.into(),
                instructions: of_all(one.instructions.unwrap_or_default()),
                allocations: of_all(one.allocations),
            };
            rows.insert(format!("{} on {}", one.operation, one.runtime), taken);
        }
        Self { with, rows }
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// As a file: a line for each row, in order, so that a change is a line.
    pub fn text(&self) -> String {
        let mut text = "\
# What ours takes on one thread, counted: instructions and allocations of so many units of work.
# Written by `scripts/counts --bless`; `scripts/counts` compares. See bench/peers/README.md.

[with]
"
        .to_owned();
        for (name, version) in &self.with {
            let _ = writeln!(text, "{name} = {}", toml::Value::from(version.as_str()));
        }
        text.push_str("\n[rows]\n");
        for (row, Taken { units, instructions, allocations }) in &self.rows {
            let row = toml::Value::from(row.as_str());
            let _ = writeln!(
                text,
                "{row} = {{ units = {units}, instructions = {instructions}, allocations = {allocations} }}"
            );
        }
        text
    }

    /// Only rows with one of these in their name; all, if there are none.
    #[must_use]
    pub fn only(mut self, filters: &[String]) -> Self {
        self.rows.retain(|row, _| {
            filters.is_empty() || filters.iter().any(|filter| row.contains(filter.as_str()))
        });
        self
    }

    /// What the other was counted with that this was not.
    pub fn counted_otherwise(&self, now: &Self) -> Vec<String> {
        let unknown = || "unknown".to_owned();
        let names = self.with.keys().chain(now.with.keys().filter(|name| !self.with.contains_key(*name)));
        let differs = names.filter(|name| self.with.get(*name) != now.with.get(*name));
        differs
            .map(|name| {
                let of = |baseline: &Self| baseline.with.get(name).cloned().unwrap_or_else(unknown);
                format!("{name}: the baseline has {}, this is {}", of(self), of(now))
            })
            .collect()
    }

    /// What is not as it was. Instructions are only compared where both were counted with the same.
    pub fn changes(&self, now: &Self) -> Vec<Change> {
        let with_the_same = self.counted_otherwise(now).is_empty();
        let mut changes = Vec::new();
        let mut change = |row: &String, what| changes.push(Change { row: row.clone(), what });
        for (row, &then) in &self.rows {
            let Some(&now) = now.rows.get(row) else {
                change(row, What::Vanished);
                continue;
            };
            if then.units != now.units {
                change(row, What::Resized);
                continue;
            }
            let off = now.instructions.abs_diff(then.instructions) as f64;
            if with_the_same && off > tolerance(row) * then.instructions as f64 {
                change(row, What::Instructions(then, now));
            }
            if then.allocations != now.allocations {
                change(row, What::Allocations(then, now));
            }
        }
        for row in now.rows.keys().filter(|row| !self.rows.contains_key(*row)) {
            change(row, What::New);
        }
        changes
    }
}

fn tolerance(row: &str) -> f64 {
    if row.contains(" on ") { TOLERANCE_OF_TRAITS } else { TOLERANCE }
}

impl Change {
    /// Whether it fails: whatever takes more, and a row that has nothing to be compared with.
    pub fn fails(&self) -> bool {
        match self.what {
            What::New | What::Vanished | What::Resized => true,
            What::Instructions(then, now) => now.instructions > then.instructions,
            What::Allocations(then, now) => now.allocations > then.allocations,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = &self.row;
        let of_one = |count: u64, units: u64| count as f64 / units.max(1) as f64;
        match self.what {
            What::New => write!(f, "{row}: new: the baseline doesn't have it"),
            What::Vanished => write!(f, "{row}: vanished: only the baseline has it"),
            What::Resized => write!(f, "{row}: is of another size than in the baseline"),
            What::Instructions(then, now) => {
                let more = (now.instructions as f64 / then.instructions.max(1) as f64 - 1.0) * 100.0;
                let [then, now] = [then, now].map(|taken| of_one(taken.instructions, taken.units));
                write!(f, "{row}: {now:.1} instructions instead of {then:.1}: {more:+.1} %")
            }
            What::Allocations(then, now) => write!(
                f,
                "{row}: {} allocations of {} units instead of {}: {:.3} instead of {:.3} for each",
                now.allocations,
                now.units,
                then.allocations,
                of_one(now.allocations, now.units),
                of_one(then.allocations, then.units),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contest::Side;

    const HUNDRED: Taken = Taken { units: 10, instructions: 100_000, allocations: 20 };

    fn baseline(rows: &[(&str, Taken)]) -> Baseline {
        let with = BTreeMap::from([("compiler".to_owned(), "rustc 1.95.0 (\"x\")".to_owned())]);
        let rows = rows.iter().map(|(row, taken)| ((*row).to_owned(), *taken)).collect();
        Baseline { with, rows }
    }

    /// What becomes of a row that takes `now`: whether it fails, and what is said; `None` if nothing is.
    fn became(now: Taken) -> Option<(bool, String)> {
        let mut changes = baseline(&[("join", HUNDRED)]).changes(&baseline(&[("join", now)]));
        assert!(changes.len() <= 1, "{changes:?}");
        changes.pop().map(|change| (change.fails(), change.to_string()))
    }

    #[test]
    fn instructions_may_be_off_by_one_per_cent() {
        let of = |instructions| became(Taken { instructions, ..HUNDRED });
        assert_eq!(of(100_000), None);
        assert_eq!(of(101_000), None);
        assert_eq!(of(99_000), None);
        let (fails, said) = of(101_001).unwrap();
        assert!(fails && said.contains("10100.1 instructions instead of 10000.0: +1.0 %"), "{said}");
        let (fails, said) = of(90_000).unwrap();
        assert!(!fails && said.contains("-10.0 %"), "{said}");
    }

    #[test]
    fn the_static_traits_may_be_off_by_more() {
        let of = |instructions| {
            let now = baseline(&[("spawn on smol", Taken { instructions, ..HUNDRED })]);
            baseline(&[("spawn on smol", HUNDRED)]).changes(&now).len()
        };
        assert_eq!([of(104_900), of(95_100), of(105_100)], [0, 0, 1]);
    }

    #[test]
    fn no_allocation_may_be_added_and_fewer_are_told() {
        let of = |allocations| became(Taken { allocations, ..HUNDRED });
        let (fails, said) = of(21).unwrap();
        assert!(fails && said.contains("21 allocations of 10 units instead of 20"), "{said}");
        assert!(!of(19).unwrap().0);
    }

    #[test]
    fn rows_that_come_go_or_change_their_size_have_to_be_blessed() {
        let (one, other) =
            (baseline(&[("a", HUNDRED), ("b", HUNDRED)]), baseline(&[("b", HUNDRED), ("c", HUNDRED)]));
        let changes = one.changes(&other);
        let what: Vec<_> = changes.iter().map(|change| (change.row.as_str(), change.what)).collect();
        assert_eq!(what, [("a", What::Vanished), ("c", What::New)]);
        assert!(changes.iter().all(Change::fails));
        assert!(became(Taken { units: 11, ..HUNDRED }).unwrap().0);
        let only = ["b".to_owned()];
        assert_eq!(one.only(&only).changes(&other.only(&only)), []);
    }

    #[test]
    fn another_compiler_leaves_allocations_to_be_compared() {
        let then = baseline(&[("join", HUNDRED)]);
        let mut now = baseline(&[("join", Taken { instructions: 900_000, ..HUNDRED })]);
        now.with.insert("compiler".to_owned(), "rustc 1.96.0".to_owned());
        assert_eq!(then.changes(&now), []);
        assert!(then.counted_otherwise(&now)[0].contains("this is rustc 1.96.0"));
        now.rows.insert("join".to_owned(), Taken { allocations: 21, ..HUNDRED });
        assert!(then.changes(&now)[0].fails());
        now.with.clear();
        assert!(then.counted_otherwise(&now)[0].contains("this is unknown"));
        assert_eq!(now.counted_otherwise(&then).len(), 1);
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        let none = Taken { units: 0, instructions: 0, allocations: 0 };
        let changes =
            baseline(&[("join", none)]).changes(&baseline(&[("join", Taken { units: 0, ..HUNDRED })]));
        assert!(changes.len() == 2 && changes.iter().all(Change::fails), "{changes:?}");
        changes.iter().for_each(|change| assert!(!change.to_string().contains("inf"), "{change}"));
        assert_eq!(baseline(&[("join", none)]).changes(&baseline(&[("join", none)])).len(), 0);
    }

    #[test]
    fn the_file_is_read_as_it_was_written() {
        let written = baseline(&[("b \"quoted\"", HUNDRED), ("a-1k backstay", HUNDRED)]);
        let text = written.text();
        assert_eq!(Baseline::parse(&text).unwrap(), written);
        assert!(text.find("a-1k").unwrap() < text.find("quoted").unwrap(), "{text}");
        assert_eq!(text.lines().filter(|line| line.contains("instructions = ")).count(), 2);
        assert!(Baseline::parse("[rows]\n").is_err());
    }

    #[test]
    fn counts_and_traits_become_rows() {
        let count = |count| Count {
            work: "join".to_owned(),
            contestant: "backstay".to_owned(),
            side: Side::Ours,
            units: 10,
            unit: "future".to_owned(),
            count,
        };
        let one = |variant: &str| Trait {
            runtime: "smol".to_owned(),
            operation: "spawn".to_owned(),
            variant: variant.to_owned(),
            instructions: Some(1_507.8),
            allocations: 1.0,
        };
        let unsteady = Trait { operation: "timeout-pending".to_owned(), ..one("backstay") };
        let traits = [one("bare"), one("backstay"), unsteady];
        let of = Baseline::of(BTreeMap::new(), &[count(100)], &[count(3)], &traits);
        let taken = |units, instructions, allocations| Taken { units, instructions, allocations };
        assert_eq!(of.rows["join backstay"], taken(10, 100, 3));
        assert_eq!(of.rows["spawn on smol"], taken(1_000, 1_507_800, 1_000));
        assert_eq!(of.rows.len(), 2);
    }
}
