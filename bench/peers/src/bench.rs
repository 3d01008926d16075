//! The command line, the same for every bench.

use crate::contest::{Contest, Entry};
use crate::results::{self, Family as Measured};
use crate::table;
use crate::work::Work;
use clap::Parser;
use fastrand::Rng;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// What a bench is.
#[derive(Debug)]
pub struct Bench {
    /// Printed first: what is compared, in which versions, under which conditions.
    pub title: &'static str,
    /// Its tables, one below the other.
    pub tables: &'static [Table],
}

/// Contests that have their contestants in common.
#[derive(Debug)]
pub struct Table {
    /// Printed above it; nothing where it is the only one.
    pub heading: &'static str,
    /// The contestants from left to right.
    pub columns: &'static [&'static str],
    /// The contests, at full size or, to be quick, at a smaller one.
    pub contests: fn(Size) -> Vec<Contest>,
}

/// A table, and the work of its rows, which can be measured in other ways than by its time.
pub type Family = (Table, fn(Size) -> Vec<Work>);

/// How much work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So much that a figure is steady.
    Full,
    /// A tenth of that.
    Quick,
}

/// Compares backstay with other crates on the same work, in one process.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo bench -p backstay-peers --bench NAME --")]
struct Args {
    /// Only work with one of these in its name
    filters: Vec<String>,

    /// A tenth of the work, and fewer repetitions: a first impression
    #[arg(long)]
    quick: bool,

    /// How often everybody does each piece of work [default: 11, with --quick 7]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: Option<u32>,

    /// Seed of the order and of the intervals [default: a new one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Print every median with its interval too
    #[arg(long)]
    intervals: bool,

    /// Only these contestants, for a profiler
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<String>,

    /// List the work and end
    #[arg(long)]
    list: bool,

    /// Write what was measured to this file too, every repetition of it
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

/// Runs a bench as the command line says, prints its table and gives the exit code: 2 where the command line
/// can't be understood, 1 where a contestant's result is wrong.
pub fn main(bench: &Bench) -> ExitCode {
    let args = Args::parse();
    let size = if args.quick { Size::Quick } else { Size::Full };
    if let Some(name) = args.only.iter().find(|name| !bench.has(name)) {
        eprintln!("error: {name} takes no part; {} do", bench.contestants().join(", "));
        return ExitCode::from(2);
    }
    let tables: Vec<Part> = bench.tables.iter().map(|table| (table, args.contests(table, size))).collect();
    if tables.iter().all(|(_, contests)| contests.is_empty()) {
        eprintln!("error: no work has {} in its name; --list gives the names", args.filters.join(" or "));
        return ExitCode::from(2);
    }
    if args.list {
        tables.iter().flat_map(|(_, contests)| contests).for_each(|contest| println!("{}", contest.name));
        return ExitCode::SUCCESS;
    }
    match report(bench, &tables, &args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// A table and the contests of it that are wanted.
type Part<'a> = (&'a Table, Vec<Contest>);

fn report(bench: &Bench, tables: &[Part<'_>], args: &Args) -> Result<(), String> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    let repetitions = args.repetitions.unwrap_or(if args.quick { 7 } else { 11 });
    let begin = Instant::now();
    println!("{}", bench.title);
    println!(
        "  repetitions  {repetitions} after one to warm up, everybody once in each, in random order; --seed {seed}"
    );
    let mut rng = Rng::with_seed(seed);
    let mut families = Vec::new();
    for (columns, contests) in tables.iter().filter(|(_, contests)| !contests.is_empty()) {
        let mut held = Vec::new();
        for contest in contests {
            eprint!("{} ", contest.name);
            let samples = contest.hold(repetitions, &mut rng);
            let samples = samples.map_err(|(name, wrong)| format!("{} on {name}: {wrong}", contest.name))?;
            held.push((contest, samples));
        }
        eprintln!();
        if !columns.heading.is_empty() {
            println!("\n{}", columns.heading);
        }
        println!("\n{}", table::legend(&held));
        print!("{}", table::table(columns.columns, &held));
        if args.intervals {
            print!("\n{}", table::intervals(&held));
        }
        families.push(Measured::of(columns.heading, columns.columns, &held));
    }
    println!("\n{}", table::note());
    let seconds = begin.elapsed().as_secs();
    println!("{seconds} s");
    let title = bench.title.to_owned();
    let measured = results::Bench { name: String::new(), title, seed, repetitions, seconds, families };
    args.json.as_deref().map_or(Ok(()), |path| write(path, &measured))
}

fn write(path: &Path, measured: &results::Bench) -> Result<(), String> {
    let text = serde_json::to_string(measured).map_err(|error| error.to_string())?;
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

impl Bench {
    /// Every contestant's name, once.
    fn contestants(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.tables.iter().flat_map(|table| table.columns).copied().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn has(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.columns.contains(&name))
    }
}

impl Args {
    fn contests(&self, table: &Table, size: Size) -> Vec<Contest> {
        let mut contests = (table.contests)(size);
        contests.retain(|contest| self.wants(contest.name));
        if !self.only.is_empty() {
            let stays = |entry: &Entry| self.only.iter().any(|name| name == entry.name);
            contests.iter_mut().for_each(|contest| contest.entries.retain(stays));
            contests.retain(|contest| !contest.entries.is_empty());
        }
        contests
    }

    fn wants(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Args, clap::Error> {
        Args::try_parse_from(["sim"].iter().chain(args))
    }

    #[test]
    fn cargo_s_own_flag_is_taken_and_filters_are_alternatives() {
        let args = parse(&["--bench", "--quick", "yields", "timers"]).unwrap();
        assert!(args.quick && args.wants("yields") && args.wants("timers-few") && !args.wants("sleeps"));
    }

    #[test]
    fn what_is_not_known_is_an_error_of_the_command_line() {
        assert_eq!(parse(&["--fast"]).unwrap_err().exit_code(), 2);
        assert_eq!(parse(&["--repetitions", "0"]).unwrap_err().exit_code(), 2);
    }
}
