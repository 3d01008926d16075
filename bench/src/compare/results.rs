//! What was measured, and what it allows to say.

use super::case::Case;
use crate::cell::{Cell, Variant};
use crate::reading::Reading;
use crate::stats::{Estimate, Shown, median, median_estimate, ratio_estimate, superiority};
use crate::workload::Measure;
use backstay::Backend;
use fastrand::Rng;
use std::collections::HashMap;

/// What every process said, by cell.
#[derive(Debug, Default)]
pub(super) struct Results {
    cells: HashMap<Cell, Vec<Reading>>,
}

/// A case on one runtime.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) backend: Backend,
    /// The figure through backstay.
    pub(super) backstay: Estimate,
    /// Nanoseconds of a whole run.
    pub(super) whole: f64,
    /// The same by hand, if it is.
    pub(super) bare: Option<Bare>,
    /// `None` for the fastest itself.
    pub(super) behind: Option<Behind>,
}

/// How the work through backstay compares with that by hand.
#[derive(Debug)]
pub(super) struct Bare {
    /// The figure by hand.
    pub(super) figure: f64,
    /// Backstay over bare.
    pub(super) overhead: Estimate,
}

/// How a runtime compares with the fastest, both through backstay.
#[derive(Debug)]
pub(super) struct Behind {
    /// Its median over the fastest's.
    pub(super) ratio: Estimate,
    /// How probable it is that a run of the fastest takes less than one of this.
    pub(super) fastest_wins: f64,
}

impl Results {
    pub(super) fn add(&mut self, cell: Cell, reading: Reading) {
        self.cells.entry(cell).or_default().push(reading);
    }

    fn of(&self, case: &Case, backend: Backend, variant: Variant) -> &[Reading] {
        self.cells.get(&case.cell(backend, variant)).map_or(&[], Vec::as_slice)
    }

    /// The rows of a case.
    pub(super) fn rows(&self, case: &Case, backends: &[Backend], rng: &mut Rng) -> Vec<Row> {
        let figures = |backend, variant| -> Vec<f64> {
            self.of(case, backend, variant).iter().map(|reading| reading.figure).collect()
        };
        let through = |backend| figures(backend, Variant::Backstay);
        let by_median = |a: &Backend, b: &Backend| median(&through(*a)).total_cmp(&median(&through(*b)));
        let fastest = backends.iter().copied().min_by(by_median);
        let mut rows = Vec::with_capacity(backends.len());
        for &backend in backends {
            let (backstay, bare) = (through(backend), figures(backend, Variant::Bare));
            let behind = fastest.filter(|&fastest| fastest != backend).map(through).map(|best| Behind {
                ratio: ratio_estimate(&backstay, &best, rng),
                fastest_wins: superiority(&best, &backstay),
            });
            let wholes = self.of(case, backend, Variant::Backstay).iter().map(|reading| reading.whole);
            rows.push(Row {
                backend,
                backstay: median_estimate(&backstay, rng),
                whole: median(&wholes.collect::<Vec<_>>()),
                bare: (!bare.is_empty())
                    .then(|| Bare { figure: median(&bare), overhead: ratio_estimate(&backstay, &bare, rng) }),
                behind,
            });
        }
        rows
    }
}

/// Who is fastest, as far as these rows show it; `None` where there is nobody to compare with.
pub(super) fn speed_verdict(measure: Measure, rows: &[Row]) -> Option<String> {
    let (least, more) = match measure {
        Measure::Throughput | Measure::Latency => ("is the fastest", "slower"),
        Measure::Quantity => ("has the least", "more"),
    };
    let fastest = rows.iter().find(|row| row.behind.is_none())?;
    let slower = |row: &&Row| row.behind.as_ref().is_some_and(|behind| behind.ratio.shows() == Shown::More);
    let (behind, level): (Vec<&Row>, Vec<&Row>) =
        rows.iter().filter(|row| row.behind.is_some()).partition(slower);
    match (behind.as_slice(), level.as_slice()) {
        ([], []) => None,
        (_, []) => Some(format!("{} {least}", fastest.backend)),
        ([], _) => Some("no difference shown".to_owned()),
        (behind, level) => {
            let level = names(std::iter::once(fastest).chain(level.iter().copied()));
            let behind = names(behind.iter().copied());
            Some(format!("no difference shown between {level}; {behind} {more}"))
        }
    }
}

/// What backstay costs on each, as far as these rows show it; `None` where nothing is by hand.
pub(super) fn overhead_verdict(rows: &[Row]) -> Option<String> {
    let (mut parts, mut nothing) = (Vec::new(), Vec::new());
    for row in rows {
        let overhead = row.bare.as_ref()?.overhead;
        if overhead.shows() == Shown::Nothing {
            nothing.push(row);
            continue;
        }
        let [value, low, high] = [overhead.value, overhead.low, overhead.high].map(percent);
        parts.push(format!("{} {value:+.1} % [{low:+.1}, {high:+.1}]", row.backend));
    }
    if parts.is_empty() {
        return Some("no overhead shown".to_owned());
    }
    if !nothing.is_empty() {
        parts.push(format!("no overhead shown on {}", names(nothing.into_iter())));
    }
    Some(parts.join("; "))
}

/// A ratio as a difference in percent.
pub(super) fn percent(ratio: f64) -> f64 {
    (ratio - 1.0) * 100.0
}

fn names<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let names: Vec<_> = rows.map(|row| row.backend.name()).collect();
    names.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;
    use crate::size::Size;
    use crate::start::RUNTIMES;
    use crate::workload::Rate;
    use crate::workloads::Http;
    use std::num::NonZeroUsize;

    /// Fifteen runs around each center: tokio, smol, async-std through backstay; bare is 100.
    fn rows(centers: [f64; 3]) -> Vec<Row> {
        let (entry, size) = (Entry::of(Http), Size::new(8).unwrap());
        let case = Case { entry, size, threads: NonZeroUsize::MIN, rate: Rate::DEFAULT };
        let reading = |figure| Reading {
            figure,
            whole: figure,
            units: None,
            iterations: vec![figure],
            latencies: None,
        };
        let mut results = Results::default();
        for (&backend, center) in RUNTIMES.iter().zip(centers) {
            for run in 0..15 {
                let noise = f64::from(run - 7) / 10.0;
                results.add(case.cell(backend, Variant::Backstay), reading(center + noise));
                results.add(case.cell(backend, Variant::Bare), reading(100.0 + noise));
            }
        }
        results.rows(&case, &RUNTIMES, &mut Rng::with_seed(1))
    }

    #[test]
    fn a_winner_is_named_only_where_all_others_are_behind() {
        let verdict = |centers| speed_verdict(Measure::Throughput, &rows(centers)).unwrap();
        assert_eq!(verdict([100.0, 120.0, 130.0]), "tokio is the fastest");
        assert_eq!(verdict([130.0, 100.0, 120.0]), "smol is the fastest");
        assert_eq!(verdict([100.0, 101.0, 100.5]), "no difference shown");
        assert_eq!(
            verdict([101.0, 100.0, 130.0]),
            "no difference shown between smol and tokio; async-std slower"
        );
    }

    #[test]
    fn one_runtime_alone_has_no_rival() {
        assert_eq!(speed_verdict(Measure::Throughput, &rows([100.0, 110.0, 120.0])[..1]), None);
    }

    #[test]
    fn losses_and_wins_are_shown_alike() {
        let verdict = overhead_verdict(&rows([100.0, 110.0, 90.0])).unwrap();
        assert!(verdict.starts_with("smol +10.0 % ["), "{verdict}");
        assert!(verdict.contains("; async-std -10.0 % ["), "{verdict}");
        assert!(verdict.ends_with("; no overhead shown on tokio"), "{verdict}");
        assert_eq!(overhead_verdict(&rows([100.0, 101.0, 102.0])).unwrap(), "no overhead shown");
    }
}
