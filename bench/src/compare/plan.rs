//! Which cells, how often, in which order.

use super::args::CompareArgs;
use super::case::Case;
use crate::cell::Cell;
use crate::registry::{Registry, UnknownWorkload};
use crate::size::Size;
use crate::start::RUNTIMES;
use crate::workload::Rate;
use backstay::Backend;
use fastrand::Rng;
use std::time::Duration;

const REPETITIONS: u32 = 21;
const QUICK_REPETITIONS: u32 = 8;
const LIMIT: Duration = Duration::from_secs(200);
const QUICK_LIMIT: Duration = Duration::from_secs(36);

/// What will be done.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) cases: Vec<Case>,
    pub(crate) backends: Vec<Backend>,
    pub(crate) repetitions: u32,
    /// After this no new round begins, so that a slow machine ends in time too; not if a number was asked for.
    pub(crate) limit: Duration,
    pub(crate) quick: bool,
    pub(crate) rate: Rate,
    pub(crate) seed: u64,
}

impl Plan {
    pub(crate) fn new(args: &CompareArgs, registry: &Registry) -> Result<Self, UnknownWorkload> {
        let cases = cases(args, registry)?;
        // In the usual order, each once, whatever was typed.
        let chosen = |backend: &Backend| args.runtimes.is_empty() || args.runtimes.contains(backend);
        let (usual, limit) = if args.quick { (QUICK_REPETITIONS, QUICK_LIMIT) } else { (REPETITIONS, LIMIT) };
        Ok(Self {
            cases,
            backends: RUNTIMES.iter().copied().filter(chosen).collect(),
            repetitions: args.reps.map_or(usual, Into::into),
            limit: if args.reps.is_some() { Duration::MAX } else { limit },
            quick: args.quick,
            rate: args.rate.unwrap_or_default(),
            seed: args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
        })
    }

    /// Every cell once, shuffled, then every cell once more, shuffled anew: a machine that grows slow or hot
    /// is so for all alike.
    pub(crate) fn rounds(&self) -> impl Iterator<Item = Vec<Cell>> {
        let mut rng = Rng::with_seed(self.seed);
        (0..self.repetitions).map(move |_| {
            let mut round: Vec<_> = self.cells().collect();
            rng.shuffle(&mut round);
            round
        })
    }

    pub(crate) fn processes(&self) -> usize {
        self.cells().count() * self.repetitions as usize
    }

    fn cells(&self) -> impl Iterator<Item = Cell> {
        self.cases.iter().flat_map(|case| case.cells(&self.backends))
    }
}

/// Every workload in every size on every number of threads, of those whose name was asked for.
fn cases(args: &CompareArgs, registry: &Registry) -> Result<Vec<Case>, UnknownWorkload> {
    let mut cases = Vec::new();
    for entry in registry.entries() {
        let own = || entry.sizes().into_iter().filter_map(Size::new).collect();
        let mut sizes = if args.sizes.is_empty() { own() } else { args.sizes.clone() };
        sizes.sort_unstable();
        sizes.dedup();
        for size in sizes {
            for threads in args.threads() {
                let rate = args.rate.unwrap_or_default();
                cases.push(Case { entry: entry.clone(), size, threads, rate });
            }
        }
    }
    let filters: Vec<_> = args.filter.iter().chain(&args.workload).collect();
    for filter in &filters {
        if !cases.iter().any(|case| case.label().contains(*filter)) {
            return Err(registry.unknown(filter));
        }
    }
    cases.retain(|case| {
        let label = case.label();
        filters.is_empty() || filters.iter().any(|filter| label.contains(*filter))
    });
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::standard;
    use clap::Parser;
    use std::collections::HashMap;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: CompareArgs,
    }

    fn plan(line: &str) -> Result<Plan, UnknownWorkload> {
        let line = Line::try_parse_from(["compare"].into_iter().chain(line.split_whitespace())).unwrap();
        Plan::new(&line.args, &standard())
    }

    fn labels(line: &str) -> Vec<String> {
        plan(line).unwrap().cases.iter().map(Case::label).collect()
    }

    #[test]
    fn every_cell_comes_as_often_as_asked() {
        let plan = plan("--reps 3 --seed 1").unwrap();
        let mut counts = HashMap::new();
        for cell in plan.rounds().flatten() {
            *counts.entry(cell).or_insert(0) += 1;
        }
        assert_eq!(counts.len() * 3, plan.processes());
        assert!(counts.len() >= 10 * RUNTIMES.len() * 2);
        assert!(counts.values().all(|&count| count == 3));
    }

    #[test]
    fn a_number_that_was_asked_for_is_not_cut_short() {
        assert_eq!(plan("--reps 3").unwrap().limit, Duration::MAX);
        assert_eq!(plan("--quick").unwrap().limit, QUICK_LIMIT);
    }

    #[test]
    fn the_seed_is_the_order() {
        let order = |seed| plan(&format!("--seed {seed}")).unwrap().rounds().collect::<Vec<_>>();
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn a_filter_names_a_workload_or_one_of_its_sizes() {
        assert_eq!(labels("spawn"), ["spawn-1k", "spawn-10k"]);
        assert_eq!(labels("spawn-1k"), ["spawn-1k"]);
        assert_eq!(labels("ping --workload spawn-1k,echo-64"), ["spawn-1k", "ping-pong-10k", "tcp-echo-64"]);
    }

    #[test]
    fn sizes_and_threads_multiply() {
        let plan = plan("ping-pong --sizes 1k,10,1k --threads 2,1").unwrap();
        let cases: Vec<_> = plan.cases.iter().map(|case| (case.label(), case.threads.get())).collect();
        let case = |label: &str, threads| (label.to_owned(), threads);
        let (ten, thousand) = ("ping-pong-10", "ping-pong-1k");
        assert_eq!(cases, [case(ten, 1), case(ten, 2), case(thousand, 1), case(thousand, 2)]);
    }

    #[test]
    fn a_filter_without_a_match_lists_what_there_is() {
        let error = plan("spawn spam").unwrap_err();
        assert!(error.to_string().starts_with("unknown workload `spam`: expected one of spawn, "), "{error}");
    }

    #[test]
    fn runtimes_come_once_and_in_order() {
        let plan = plan("--runtimes smol,tokio,smol").unwrap();
        assert_eq!(plan.backends, [Backend::Tokio, Backend::Smol]);
    }
}
