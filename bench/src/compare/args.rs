//! The command line.

use crate::cell::Cell;
use backstay::Backend;
use clap::Parser;
use std::num::{NonZeroU32, NonZeroUsize};
use std::thread::available_parallelism;

/// Compares tokio, smol and async-std on the same work, with backstay and without.
#[derive(Debug, Parser)]
#[command(name = "compare", bin_name = "cargo bench --bench compare --")]
pub(super) struct Args {
    /// Only workloads with this in their name
    pub(super) filter: Option<String>,

    /// Only these runtimes
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) runtime: Vec<Backend>,

    /// Fewer and shorter processes: a first impression within a minute
    #[arg(long)]
    pub(super) quick: bool,

    /// Worker threads of every runtime [default: one for each core]
    #[arg(long, value_name = "N")]
    pub(super) workers: Option<NonZeroUsize>,

    /// Processes for each cell [default: 21, with --quick 8, fewer where the machine is slow]
    #[arg(long, value_name = "N")]
    pub(super) repetitions: Option<NonZeroU32>,

    /// Seed of the order and of the intervals [default: a new one]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// List the workloads and end
    #[arg(long)]
    pub(super) list: bool,

    /// What cargo passes
    #[arg(long, hide = true)]
    pub(super) bench: bool,

    /// Measure this cell in this process, and print nanoseconds
    #[arg(long, hide = true, value_name = "CELL")]
    pub(super) cell: Option<Cell>,
}

impl Args {
    pub(super) fn workers(&self) -> NonZeroUsize {
        self.workers.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(["compare"].iter().chain(args))
    }

    #[test]
    fn cargo_s_own_flag_is_taken() {
        let args = parse(&["--bench", "--quick", "http", "--runtime", "smol,tokio"]).unwrap();
        assert!(args.quick);
        assert_eq!(args.filter.as_deref(), Some("http"));
        assert_eq!(args.runtime, [Backend::Smol, Backend::Tokio]);
    }

    #[test]
    fn an_unknown_runtime_is_told_the_known_ones() {
        let error = parse(&["--runtime", "glommio"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("expected one of tokio, smol, async-std"), "{error}");
    }

    #[test]
    fn zero_can_t_be_asked_for() {
        assert_eq!(parse(&["--workers", "0"]).unwrap_err().exit_code(), 2);
        assert_eq!(parse(&["--repetitions", "0"]).unwrap_err().exit_code(), 2);
    }
}
