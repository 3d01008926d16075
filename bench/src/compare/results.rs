//! What was measured, and what it allows to say.

use crate::cell::{Cell, Variant};
use crate::stats::{Estimate, Shown, median, median_estimate, ratio_estimate, superiority};
use crate::workload::Workload;
use backstay::Backend;
use fastrand::Rng;
use std::collections::HashMap;

/// Nanoseconds of every process, by cell.
#[derive(Debug, Default)]
pub(super) struct Results {
    cells: HashMap<Cell, Vec<f64>>,
}

/// One workload on one runtime.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) backend: Backend,
    /// Nanoseconds through backstay.
    pub(super) backstay: Estimate,
    /// Nanoseconds by hand.
    pub(super) bare: f64,
    /// Backstay over bare.
    pub(super) overhead: Estimate,
    /// `None` for the fastest itself.
    pub(super) behind: Option<Behind>,
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
    pub(super) fn add(&mut self, cell: Cell, nanos: f64) {
        self.cells.entry(cell).or_default().push(nanos);
    }

    fn of(&self, backend: Backend, variant: Variant, workload: Workload) -> &[f64] {
        self.cells.get(&Cell { backend, variant, workload }).map_or(&[], Vec::as_slice)
    }

    /// The rows of a workload.
    pub(super) fn rows(&self, workload: Workload, backends: &[Backend], rng: &mut Rng) -> Vec<Row> {
        let through = |backend| self.of(backend, Variant::Backstay, workload);
        let by_median = |a: &Backend, b: &Backend| median(through(*a)).total_cmp(&median(through(*b)));
        let fastest = backends.iter().copied().min_by(by_median);
        let mut rows = Vec::with_capacity(backends.len());
        for &backend in backends {
            let (backstay, bare) = (through(backend), self.of(backend, Variant::Bare, workload));
            let behind = fastest.filter(|&fastest| fastest != backend).map(through).map(|best| Behind {
                ratio: ratio_estimate(backstay, best, rng),
                fastest_wins: superiority(best, backstay),
            });
            rows.push(Row {
                backend,
                backstay: median_estimate(backstay, rng),
                bare: median(bare),
                overhead: ratio_estimate(backstay, bare, rng),
                behind,
            });
        }
        rows
    }
}

/// Who is fastest, as far as these rows show it; `None` where there is nobody to compare with.
pub(super) fn speed_verdict(rows: &[Row]) -> Option<String> {
    let fastest = rows.iter().find(|row| row.behind.is_none())?;
    let slower = |row: &&Row| row.behind.as_ref().is_some_and(|behind| behind.ratio.shows() == Shown::More);
    let (behind, level): (Vec<&Row>, Vec<&Row>) =
        rows.iter().filter(|row| row.behind.is_some()).partition(slower);
    match (behind.as_slice(), level.as_slice()) {
        ([], []) => None,
        (_, []) => Some(format!("{} is the fastest", fastest.backend)),
        ([], _) => Some("no difference shown".to_owned()),
        (behind, level) => {
            let level = names(std::iter::once(fastest).chain(level.iter().copied()));
            let behind = names(behind.iter().copied());
            Some(format!("no difference shown between {level}; {behind} slower"))
        }
    }
}

/// What backstay costs on each, as far as these rows show it.
pub(super) fn overhead_verdict(rows: &[Row]) -> String {
    let shown = |row: &&Row| row.overhead.shows() != Shown::Nothing;
    let (shown, nothing): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(shown);
    let mut parts: Vec<_> = shown
        .iter()
        .map(|row| {
            let Estimate { value, low, high } = row.overhead;
            let [value, low, high] = [value, low, high].map(percent);
            format!("{} {value:+.1} % [{low:+.1}, {high:+.1}]", row.backend)
        })
        .collect();
    if parts.is_empty() {
        return "no overhead shown".to_owned();
    }
    if !nothing.is_empty() {
        parts.push(format!("no overhead shown on {}", names(nothing.into_iter())));
    }
    parts.join("; ")
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
    use crate::start::RUNTIMES;

    /// Fifteen runs around each center: tokio, smol, async-std through backstay; bare is 100.
    fn rows(centers: [f64; 3]) -> Vec<Row> {
        let mut results = Results::default();
        for (&backend, center) in RUNTIMES.iter().zip(centers) {
            for run in 0..15 {
                let noise = f64::from(run - 7) / 10.0;
                let workload = Workload::Http;
                results.add(Cell { backend, variant: Variant::Backstay, workload }, center + noise);
                results.add(Cell { backend, variant: Variant::Bare, workload }, 100.0 + noise);
            }
        }
        results.rows(Workload::Http, &RUNTIMES, &mut Rng::with_seed(1))
    }

    #[test]
    fn a_winner_is_named_only_where_all_others_are_behind() {
        let verdict = |centers| speed_verdict(&rows(centers)).unwrap();
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
        assert_eq!(speed_verdict(&rows([100.0, 110.0, 120.0])[..1]), None);
    }

    #[test]
    fn losses_and_wins_are_shown_alike() {
        let verdict = overhead_verdict(&rows([100.0, 110.0, 90.0]));
        assert!(verdict.starts_with("smol +10.0 % ["), "{verdict}");
        assert!(verdict.contains("; async-std -10.0 % ["), "{verdict}");
        assert!(verdict.ends_with("; no overhead shown on tokio"), "{verdict}");
        assert_eq!(overhead_verdict(&rows([100.0, 101.0, 102.0])), "no overhead shown");
    }
}
