//! What a comparison can be told.

use crate::size::Size;
use crate::workload::Rate;
use backstay::Backend;
use clap::Args;
use std::num::{NonZeroU32, NonZeroUsize};
use std::thread::available_parallelism;

/// What a comparison can be told.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArgs {
    /// Only workloads with one of these in their name, which ends in the size: `spawn`, `spawn-1k`
    #[arg(value_name = "WORKLOAD")]
    pub(crate) filter: Vec<String>,

    /// The same, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', alias = "workloads")]
    pub(crate) workload: Vec<String>,

    /// Only these runtimes
    #[arg(long, value_name = "NAMES", value_delimiter = ',', alias = "runtime")]
    pub(crate) runtimes: Vec<Backend>,

    /// Worker threads of every runtime; several numbers compare each [default: one for each core]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', alias = "workers")]
    pub(crate) threads: Vec<NonZeroUsize>,

    /// Sizes instead of each workload's own: 500,1k,10k
    #[arg(long, value_name = "SIZES", value_delimiter = ',')]
    pub(crate) sizes: Vec<Size>,

    /// How fast the work comes, for workloads with an open loop [default: 1000/s]
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<Rate>,

    /// Processes for each cell [default: 21, with --quick 8, fewer where the machine is slow]
    #[arg(long, value_name = "NUMBER", alias = "repetitions")]
    pub(crate) reps: Option<NonZeroU32>,

    /// Fewer and shorter processes: a first impression within a minute
    #[arg(long)]
    pub(crate) quick: bool,

    /// Seed of the order and of the intervals [default: a new one]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

impl CompareArgs {
    /// Each number of threads once, ascending.
    pub(super) fn threads(&self) -> Vec<NonZeroUsize> {
        let mut threads = self.threads.clone();
        if threads.is_empty() {
            threads.push(available_parallelism().unwrap_or(NonZeroUsize::MIN));
        }
        threads.sort_unstable();
        threads.dedup();
        threads
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: CompareArgs,
    }

    fn parse(line: &str) -> Result<CompareArgs, clap::Error> {
        Line::try_parse_from(["compare"].into_iter().chain(line.split_whitespace())).map(|line| line.args)
    }

    #[test]
    fn lists_are_lists() {
        let args = parse("--quick http --runtimes smol,tokio --threads 2,1,2 --sizes 1k,500").unwrap();
        assert_eq!((args.quick, &*args.filter), (true, &["http".to_owned()][..]));
        assert_eq!(args.runtimes, [Backend::Smol, Backend::Tokio]);
        assert_eq!(args.threads().iter().map(|n| n.get()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(args.sizes.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1k", "500"]);
    }

    #[test]
    fn an_unknown_runtime_is_told_the_known_ones() {
        let error = parse("--runtimes glommio").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("expected one of tokio, smol, async-std"), "{error}");
    }

    #[test]
    fn zero_can_t_be_asked_for() {
        for flag in ["--threads", "--reps", "--sizes", "--rate"] {
            assert_eq!(parse(&format!("{flag} 0")).unwrap_err().exit_code(), 2, "{flag}");
        }
    }
}
