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
    /// No round begins that would end after this, so that a slow machine ends in time too; not if a number was asked
    /// for.
    pub(crate) limit: Duration,
    pub(crate) quick: bool,
    pub(crate) rate: Rate,
    pub(crate) seed: u64,
    /// Nothing is said before the result.
    pub(crate) quiet: bool,
    /// The command that does the same again, after the program's name.
    pub(crate) command: String,
}

impl Plan {
    pub(crate) fn new(args: &CompareArgs, registry: &Registry) -> Result<Self, UnknownWorkload> {
        let cases = cases(args, registry)?;
        // In the usual order, each once, whatever was typed.
        let chosen = |backend: &Backend| args.runtimes.is_empty() || args.runtimes.contains(backend);
        let (usual, limit) = if args.quick { (QUICK_REPETITIONS, QUICK_LIMIT) } else { (REPETITIONS, LIMIT) };
        let limit = if args.reps.is_some() { Duration::MAX } else { limit };
        let seed = args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
        Ok(Self {
            cases,
            backends: RUNTIMES.iter().copied().filter(chosen).collect(),
            repetitions: args.reps.unwrap_or(usual),
            limit: args.max_time.map_or(limit, |span| span.0),
            quick: args.quick,
            rate: args.rate.unwrap_or_default(),
            seed,
            quiet: args.quiet,
            command: command(args, seed),
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

    /// The conditions, before anything is measured.
    pub(crate) fn preamble(&self) -> String {
        let names: Vec<_> = self.backends.iter().map(|backend| backend.name()).collect();
        let mut threads: Vec<_> = self.cases.iter().map(|case| case.threads).collect();
        threads.sort_unstable();
        threads.dedup();
        let threads: Vec<_> = threads.iter().map(ToString::to_string).collect();
        format!(
            "\
The same work on {names}: by hand (bare) and through backstay.
  threads      {threads} workers on each; the main thread waits and takes no part
  allocator    the system's
  yield        one self-wake, the same on all
  tokio        with its cooperative budget, which is its default
  sockets      TCP over loopback, TCP_NODELAY on both sides
  processes    {processes}: {repetitions} for each cell, in random order; --seed {seed}
  a process    runs the work once to warm up, then several times, and gives the median of those
",
            names = names.join(", "),
            threads = threads.join(", then "),
            processes = self.processes(),
            repetitions = self.repetitions,
            seed = self.seed,
        )
    }

    fn cells(&self) -> impl Iterator<Item = Cell> {
        self.cases.iter().flat_map(|case| case.cells(&self.backends))
    }
}

/// The options that make the same plan.
fn command(args: &CompareArgs, seed: u64) -> String {
    fn list<T: ToString>(flag: &str, items: &[T]) -> Option<String> {
        let items: Vec<_> = items.iter().map(ToString::to_string).collect();
        (!items.is_empty()).then(|| format!("--{flag} {}", items.join(",")))
    }
    let one = |flag: &str, value: Option<String>| value.map(|value| format!("--{flag} {value}"));
    let filters: Vec<_> = args.filter.iter().chain(&args.workload).collect();
    let parts = [
        list("workload", &filters),
        list("runtimes", &args.runtimes),
        list("threads", &args.threads()),
        list("sizes", &args.sizes),
        one("rate", args.rate.map(|rate| rate.to_string())),
        one("reps", args.reps.map(|reps| reps.to_string())),
        one("max-time", args.max_time.map(|span| span.to_string())),
        args.quick.then(|| "--quick".to_owned()),
        one("seed", Some(seed.to_string())),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
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
    let mut wanted = Vec::new();
    for filter in filters {
        let takes = taking(filter, &cases);
        if !cases.iter().any(&takes) {
            let mut labels: Vec<_> = cases.iter().map(Case::label).collect();
            labels.dedup();
            return Err(UnknownWorkload::new(filter, labels));
        }
        wanted.push(takes);
    }
    cases.retain(|case| wanted.is_empty() || wanted.iter().any(|takes| takes(case)));
    Ok(cases)
}

/// What a filter takes: a whole name is that workload's alone, whatever others it is a part of.
fn taking<'f>(filter: &'f str, cases: &[Case]) -> impl Fn(&Case) -> bool + use<'f> {
    let whole = move |case: &Case| case.entry.name() == filter || case.label() == filter;
    let is_whole = cases.iter().any(whole);
    move |case| if is_whole { whole(case) } else { case.label().contains(filter) }
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
        assert_eq!(plan("--reps 3 --max-time 5s").unwrap().limit, Duration::from_secs(5));
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
        assert_eq!(labels("spawn-10k"), ["spawn-10k"]);
        assert_eq!(labels("d-spawn"), ["nested-spawn-1k", "chained-spawn-10k"]);
        assert_eq!(labels("pawn-1k spaw"), ["spawn-1k", "spawn-10k", "nested-spawn-1k", "chained-spawn-10k"]);
        assert_eq!(labels("ping --workload spawn-1k,echo-64"), ["spawn-1k", "ping-pong-10k", "tcp-echo-64"]);
    }

    #[test]
    fn the_command_makes_the_same_plan() {
        let line = "http --workload spawn --runtimes smol --threads 2,1 --sizes 1k --rate 50/s --max-time 5m --quick";
        let command = plan(&format!("{line} --reps 9 --seed 3 --quiet")).unwrap().command;
        assert_eq!(
            command,
            "--workload http,spawn --runtimes smol --threads 1,2 --sizes 1k --rate 50/s --reps 9 --max-time 300s \
             --quick --seed 3"
        );
        assert_eq!(plan(&command).unwrap().command, command);
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
        assert!(
            error.to_string().starts_with("unknown workload `spam`: expected one of spawn-1k, spawn-10k, "),
            "{error}"
        );
    }

    #[test]
    fn runtimes_come_once_and_in_order() {
        let plan = plan("--runtimes smol,tokio,smol").unwrap();
        assert_eq!(plan.backends, [Backend::Tokio, Backend::Smol]);
    }
}
