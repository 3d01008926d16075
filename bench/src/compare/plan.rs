//! Which cells, how often, in which order.

use super::args::Args;
use super::cells;
use crate::cell::Cell;
use crate::start::RUNTIMES;
use crate::workload::{UnknownWorkload, Workload};
use backstay::Backend;
use fastrand::Rng;
use std::num::NonZeroUsize;
use std::time::Duration;

const REPETITIONS: u32 = 21;
const QUICK_REPETITIONS: u32 = 8;
const LIMIT: Duration = Duration::from_secs(200);
const QUICK_LIMIT: Duration = Duration::from_secs(36);

/// What will be done.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) workloads: Vec<Workload>,
    pub(super) backends: Vec<Backend>,
    pub(super) workers: NonZeroUsize,
    pub(super) repetitions: u32,
    /// After this no new round begins, so that a slow machine ends in time too; not if a number was asked for.
    pub(super) limit: Duration,
    pub(super) quick: bool,
    pub(super) seed: u64,
}

impl Plan {
    pub(super) fn new(args: &Args) -> Result<Self, UnknownWorkload> {
        let filter = args.filter.as_deref().unwrap_or_default();
        let chosen = |workload: &Workload| workload.name().contains(filter);
        let workloads: Vec<_> = Workload::ALL.iter().copied().filter(chosen).collect();
        if workloads.is_empty() {
            return Err(UnknownWorkload { name: filter.to_owned() });
        }
        // In the usual order, each once, whatever was typed.
        let chosen = |backend: &Backend| args.runtime.is_empty() || args.runtime.contains(backend);
        let (usual, limit) = if args.quick { (QUICK_REPETITIONS, QUICK_LIMIT) } else { (REPETITIONS, LIMIT) };
        Ok(Self {
            workloads,
            backends: RUNTIMES.iter().copied().filter(chosen).collect(),
            workers: args.workers(),
            repetitions: args.repetitions.map_or(usual, Into::into),
            limit: if args.repetitions.is_some() { Duration::MAX } else { limit },
            quick: args.quick,
            seed: args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..))),
        })
    }

    /// Every cell once, shuffled, then every cell once more, shuffled anew: a machine that grows slow or hot
    /// is so for all alike.
    pub(super) fn rounds(&self) -> impl Iterator<Item = Vec<Cell>> {
        let mut rng = Rng::with_seed(self.seed);
        (0..self.repetitions).map(move |_| {
            let mut round: Vec<_> = cells(&self.workloads, &self.backends).collect();
            rng.shuffle(&mut round);
            round
        })
    }

    pub(super) fn processes(&self) -> usize {
        cells(&self.workloads, &self.backends).count() * self.repetitions as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::collections::HashMap;

    fn plan(args: &[&str]) -> Result<Plan, UnknownWorkload> {
        Plan::new(&Args::try_parse_from(["compare"].iter().chain(args)).unwrap())
    }

    #[test]
    fn every_cell_comes_as_often_as_asked() {
        let plan = plan(&["--repetitions", "3", "--seed", "1"]).unwrap();
        let mut counts = HashMap::new();
        for cell in plan.rounds().flatten() {
            *counts.entry(cell).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), Workload::ALL.len() * RUNTIMES.len() * 2);
        assert!(counts.values().all(|&count| count == 3));
    }

    #[test]
    fn a_number_that_was_asked_for_is_not_cut_short() {
        assert_eq!(plan(&["--repetitions", "3"]).unwrap().limit, Duration::MAX);
        assert_eq!(plan(&["--quick"]).unwrap().limit, QUICK_LIMIT);
    }

    #[test]
    fn the_seed_is_the_order() {
        let order = |seed| plan(&["--seed", seed]).unwrap().rounds().collect::<Vec<_>>();
        assert_eq!(order("1"), order("1"));
        assert_ne!(order("1"), order("2"));
    }

    #[test]
    fn a_filter_without_a_match_lists_what_there_is() {
        let error = plan(&["spam"]).unwrap_err();
        assert!(error.to_string().contains("expected one of spawn-1k, "), "{error}");
    }

    #[test]
    fn runtimes_come_once_and_in_order() {
        let plan = plan(&["--runtime", "smol,tokio,smol"]).unwrap();
        assert_eq!(plan.backends, [Backend::Tokio, Backend::Smol]);
    }
}
