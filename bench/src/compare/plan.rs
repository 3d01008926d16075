//! Which cells, how often, in which order.

use super::args::CompareArgs;
use super::case::Case;
use super::child::limit;
use crate::cell::Cell;
use crate::contender::Contender;
use crate::entry::Entry;
use crate::registry::{Registry, UnknownWorkload};
use crate::size::Size;
use crate::start::RUNTIMES;
use crate::workload::{Load, Measure, Rate};
use backstay::Backend;
use fastrand::Rng;
use std::time::Duration;

const REPETITIONS: u32 = 21;
const QUICK_REPETITIONS: u32 = 8;
const LIMIT: Duration = Duration::from_secs(200);
const QUICK_LIMIT: Duration = Duration::from_secs(50);

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
    /// Each runtime with itself.
    pub(crate) aa: bool,
    pub(crate) rate: Rate,
    pub(crate) seed: u64,
    /// Nothing is said before the result.
    pub(crate) quiet: bool,
    /// The command that does the same again, after the program's name.
    pub(crate) command: String,
}

impl Plan {
    pub(crate) fn new(args: &CompareArgs, registry: &Registry) -> Result<Self, UnknownWorkload> {
        // In the usual order, each once, whatever was typed.
        let chosen = |backend: &Backend| args.runtimes.is_empty() || args.runtimes.contains(backend);
        let backends: Vec<_> = RUNTIMES.iter().copied().filter(chosen).collect();
        let cases = cases(args, registry, &backends)?;
        let (usual, limit) = if args.quick { (QUICK_REPETITIONS, QUICK_LIMIT) } else { (REPETITIONS, LIMIT) };
        let limit = if args.reps.is_some() { Duration::MAX } else { limit };
        let seed = args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
        Ok(Self {
            cases,
            backends,
            repetitions: args.reps.unwrap_or(usual),
            limit: args.max_time.map_or(limit, |span| span.0),
            quick: args.quick,
            aa: args.aa,
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

    /// What kind of figure a cell gives.
    pub(crate) fn measure(&self, cell: &Cell) -> Measure {
        self.entry(cell).map_or(Measure::Quantity, Entry::measure)
    }

    /// How long the process of a cell may take.
    pub(crate) fn limit_of(&self, cell: &Cell) -> Duration {
        let load = Load::new(cell.size.get()).at(self.rate);
        self.entry(cell).map_or(Duration::MAX, |entry| limit(entry, load, self.quick))
    }

    fn entry(&self, cell: &Cell) -> Option<&Entry> {
        self.cases.iter().map(|case| &case.entry).find(|entry| entry.name() == cell.workload)
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
The same work on {names}: {how}.
  threads      {threads} workers on each; the main thread waits and takes no part
  allocator    the same for all: the system's, unless this program has another
  yield        one self-wake, the same on all; `mixed` takes each runtime's own
  tokio        with its cooperative budget, which is its default
  sockets      TCP over loopback, TCP_NODELAY on both sides
  processes    {processes}: {repetitions} for each cell, in random order; --seed {seed}
  a process    warms up, runs the work several times and gives the median; once, where only the first run shows it
",
            names = names.join(", "),
            how = match self.cases.iter().any(|case| case.by_hand) {
                true => "by hand (bare) and through backstay",
                false if self.aa => "through backstay, twice each",
                false => "through backstay",
            },
            threads = threads.join(", then "),
            processes = self.processes(),
            repetitions = self.repetitions,
            seed = self.seed,
        )
    }

    fn cells(&self) -> impl Iterator<Item = Cell> {
        self.cases.iter().flat_map(Case::cells)
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
        args.large.then(|| "--large".to_owned()),
        args.aa.then(|| "--aa".to_owned()),
        one("rate", args.rate.map(|rate| rate.to_string())),
        one("reps", args.reps.map(|reps| reps.to_string())),
        one("max-time", args.max_time.map(|span| span.to_string())),
        args.quick.then(|| "--quick".to_owned()),
        one("seed", Some(seed.to_string())),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Every workload in every size on every number of threads, of those whose name was asked for; in an A/A comparison
/// once for each runtime.
fn cases(
    args: &CompareArgs,
    registry: &Registry,
    backends: &[Backend],
) -> Result<Vec<Case>, UnknownWorkload> {
    let offers: Vec<_> = registry.entries().iter().flat_map(|entry| offers(args, entry)).collect();
    let filters: Vec<_> = args.filter.iter().chain(&args.workload).collect();
    let mut wanted = Vec::new();
    for filter in filters {
        let is_wanted = meant(filter, &offers, args.large);
        if !offers.iter().any(&is_wanted) {
            return Err(UnknownWorkload::new(filter, offers.iter().map(Offer::label).collect()));
        }
        wanted.push(is_wanted);
    }
    let chosen = |offer: &&Offer| match &*wanted {
        [] => args.large || !offer.is_large,
        wanted => wanted.iter().any(|is_wanted| is_wanted(offer)),
    };
    // All of it in a minute leaves no time for both ways; nor does an A/A comparison ask for them.
    let by_hand = !(args.aa || args.quick && wanted.is_empty());
    let mut cases = Vec::new();
    for Offer { entry, size, .. } in offers.iter().filter(chosen) {
        for threads in args.threads() {
            let case = |contenders| Case {
                entry: Entry::clone(entry),
                size: *size,
                threads,
                rate: args.rate.unwrap_or_default(),
                contenders,
                by_hand,
            };
            if args.aa {
                let twins = |&backend| case(vec![Contender::from(backend), Contender::twin(backend)]);
                cases.extend(backends.iter().map(twins));
            } else {
                cases.push(case(backends.iter().copied().map(Contender::from).collect()));
            }
        }
    }
    Ok(cases)
}

/// A workload in a size that can be asked for.
struct Offer<'a> {
    entry: &'a Entry,
    size: Size,
    is_large: bool,
}

impl Offer<'_> {
    fn label(&self) -> String {
        format!("{}-{}", self.entry.name(), self.size)
    }
}

/// Which offers a filter means: a whole name that workload alone, whatever others it is a part of; large sizes only by
/// their whole label, or where all of them were asked for.
fn meant<'f>(filter: &'f str, offers: &[Offer<'_>], large: bool) -> impl Fn(&Offer<'_>) -> bool + use<'f> {
    let whole = move |offer: &Offer<'_>| offer.entry.name() == filter || offer.label() == filter;
    let is_whole = offers.iter().any(whole);
    move |offer| {
        let label = offer.label();
        let is_named = if is_whole { whole(offer) } else { label.contains(filter) };
        is_named && (large || !offer.is_large || label == filter)
    }
}

/// The sizes that were asked for, or the workload's own.
fn offers<'a>(args: &CompareArgs, entry: &'a Entry) -> Vec<Offer<'a>> {
    let own = |sizes: Vec<u64>| sizes.into_iter().filter_map(Size::new).collect();
    let (mut sizes, mut large) = (args.sizes.clone(), Vec::new());
    if sizes.is_empty() {
        (sizes, large) = (own(entry.sizes()), own(entry.large_sizes()));
    }
    large.retain(|size| !sizes.contains(size));
    let of = |sizes: Vec<Size>, is_large| sizes.into_iter().map(move |size| Offer { entry, size, is_large });
    let mut offers: Vec<_> = of(sizes, false).chain(of(large, true)).collect();
    offers.sort_by_key(|offer| offer.size);
    offers.dedup_by_key(|offer| offer.size);
    offers
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

    fn label(case: &Case) -> String {
        format!("{}-{}", case.entry.name(), case.size)
    }

    fn labels(line: &str) -> Vec<String> {
        plan(line).unwrap().cases.iter().map(label).collect()
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
        assert_eq!(labels("pong --workload spawn-1k,echo-64"), ["spawn-1k", "ping-pong-10k", "tcp-echo-64"]);
    }

    #[test]
    fn large_sizes_are_for_who_asks() {
        assert_eq!(labels("spawn --large"), ["spawn-1k", "spawn-10k", "spawn-100k", "spawn-1m"]);
        assert_eq!(labels("spawn-1m"), ["spawn-1m"]);
        assert_eq!(labels("spawn-1"), ["spawn-1k", "spawn-10k", "nested-spawn-1k", "chained-spawn-10k"]);
        assert_eq!(labels("spawn --sizes 1m"), ["spawn-1m"]);
        assert!(!labels("").contains(&"spawn-1m".to_owned()));
        assert!(labels("--large").contains(&"spawn-1m".to_owned()));
    }

    #[test]
    fn a_first_impression_of_everything_is_not_by_hand() {
        let by_hand = |line| plan(line).unwrap().cases.iter().any(|case| case.by_hand);
        assert!(!by_hand("--quick") && by_hand("") && by_hand("--quick spawn"));
    }

    #[test]
    fn in_an_a_a_comparison_each_is_compared_with_itself_alone() {
        let plan = plan("ping-pong --aa --runtimes smol,tokio --threads 1 --reps 2").unwrap();
        let cells: Vec<Vec<_>> =
            plan.cases.iter().map(|case| case.cells().map(|cell| cell.to_string()).collect()).collect();
        let pair =
            |name: &str| [name, &format!("{name}'")].map(|name| format!("{name}/backstay/ping-pong/10k/1"));
        assert_eq!(cells, [pair("tokio"), pair("smol")]);
        assert_eq!(plan.processes(), 8);
        assert!(plan.command.contains(" --aa "), "{}", plan.command);
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
        let cases: Vec<_> = plan.cases.iter().map(|case| (label(case), case.threads.get())).collect();
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
