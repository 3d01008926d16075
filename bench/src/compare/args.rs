//! What a comparison can be told.

use crate::size::Size;
use crate::start::{NotCompared, RUNTIMES};
use crate::workload::Rate;
use backstay::{Backend, Config};
use clap::{Args, value_parser};
use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::thread::available_parallelism;
use std::time::Duration;

/// What a comparison can be told.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArgs {
    /// Only workloads of these names, or with one of these in their name: `spawn`, `spawn-1k`, `echo`
    #[arg(value_name = "WORKLOAD")]
    pub(crate) filter: Vec<String>,

    /// The same, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', alias = "workloads")]
    pub(crate) workload: Vec<String>,

    /// Only these runtimes
    #[arg(long, value_name = "NAMES", value_delimiter = ',', alias = "runtime", value_parser = compared)]
    pub(crate) runtimes: Vec<Backend>,

    /// Worker threads of every runtime; several numbers compare each [default: one for each core]
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', alias = "workers", value_parser = workers)]
    pub(crate) threads: Vec<NonZeroUsize>,

    /// Sizes instead of each workload's own: 500,1k,10k
    #[arg(long, value_name = "SIZES", value_delimiter = ',')]
    pub(crate) sizes: Vec<Size>,

    /// Each workload's large sizes too; without it one is compared where its whole name is given
    #[arg(long, conflicts_with = "sizes")]
    pub(crate) large: bool,

    /// Compares each runtime with itself, under two names (an A/A test): how often a difference is named where there is
    /// none
    #[arg(long)]
    pub(crate) aa: bool,

    /// How fast the work comes, for workloads with an open loop [default: 1000/s]
    #[arg(long, value_name = "RATE")]
    pub(crate) rate: Option<Rate>,

    /// Processes for each cell, up to 1000 [default: 21, with --quick 8, fewer where the machine is slow]
    #[arg(long, value_name = "NUMBER", alias = "repetitions", value_parser = value_parser!(u32).range(1..=1_000))]
    pub(crate) reps: Option<u32>,

    /// Ends after the last round that fits, one always being done: 90s, 5m [default: 200s, with --quick 50s, without
    /// limit if --reps is given]
    #[arg(long, value_name = "TIME")]
    pub(crate) max_time: Option<Span>,

    /// Fewer and shorter processes, and without workloads' names none by hand: a first impression within a minute
    #[arg(long)]
    pub(crate) quick: bool,

    /// Seed of the order [default: a new one]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Only the result: no conditions, no progress
    #[arg(long, short)]
    pub(crate) quiet: bool,
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

/// A runtime that is compared, of those that are compiled in.
fn compared(name: &str) -> Result<Backend, Box<dyn Error + Send + Sync>> {
    let backend = name.parse()?;
    if RUNTIMES.contains(&backend) { Ok(backend) } else { Err(Box::new(NotCompared(backend))) }
}

/// No more than a runtime can have through backstay; by hand, it would take all that the system gives.
fn workers(number: &str) -> Result<NonZeroUsize, Box<dyn Error + Send + Sync>> {
    let workers = number.parse()?;
    Config::new().worker_threads(workers).validate()?;
    Ok(workers)
}

/// A length of time as it is typed: `90s`, `5m`, `1h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

impl FromStr for Span {
    type Err = BadSpan;

    fn from_str(text: &str) -> Result<Self, BadSpan> {
        let bad = || BadSpan { text: text.to_owned() };
        let unit = text.chars().last().ok_or_else(bad)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            _ => return Err(bad()),
        };
        let number: u64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
        number.checked_mul(seconds).map(Duration::from_secs).map(Self).ok_or_else(bad)
    }
}

/// This is no length of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadSpan {
    text: String,
}

impl fmt::Display for BadSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no time: expected a number with s, m or h, such as 90s", self.text)
    }
}

impl Error for BadSpan {}

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
    fn what_has_no_real_clock_is_refused() {
        for &backend in Backend::ALL {
            let parsed = parse(&format!("--runtimes {backend}"));
            assert_eq!(parsed.is_ok(), RUNTIMES.contains(&backend), "{backend}");
        }
    }

    #[test]
    fn zero_can_t_be_asked_for() {
        for flag in ["--threads", "--reps", "--sizes", "--rate"] {
            assert_eq!(parse(&format!("{flag} 0")).unwrap_err().exit_code(), 2, "{flag}");
        }
    }

    #[test]
    fn threads_have_an_end() {
        assert!(parse("--threads 1,16384").is_ok());
        let error = parse("--threads 16385").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("at most 16,384"), "{error}");
        assert!(parse("--threads 18446744073709551616").is_err());
    }

    #[test]
    fn times_have_a_unit() {
        let seconds = |text: &str| text.parse::<Span>().map(|span| span.0.as_secs()).ok();
        assert_eq!(["90s", "5m", "1h"].map(seconds), [Some(90), Some(300), Some(3_600)]);
        assert_eq!(["", "90", "s", "-1s", "1d", "1é", "18446744073709551615h"].map(seconds), [None; 7]);
    }
}
