//! The command line: of `backstay-bench`, of `cargo bench`, and of a program of your own.

use crate::compare::{self, CELL, ChildArgs, CompareArgs, Plan};
use crate::entry::Entry;
use crate::registry::Registry;
use crate::size::Size;
use crate::smoke::smoke;
use crate::workload::{Load, Measure};
use clap::{Parser, Subcommand};
use std::env;
use std::fmt::Display;
use std::process::ExitCode;

/// A bad command line, or workloads that can't be registered.
const USAGE: u8 = 2;

/// The same work on tokio, smol and async-std: which is faster at what
#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the workloads
    List,
    /// Compare the runtimes on them
    Compare(CompareArgs),
}

/// Compares tokio, smol and async-std on the same work, with backstay and without
#[derive(Debug, Parser)]
#[command(name = "compare", bin_name = "cargo bench --bench compare --")]
struct BenchLine {
    #[command(flatten)]
    compare: CompareArgs,
    /// List the workloads and end
    #[arg(long)]
    list: bool,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

/// The `main` of a program that compares these workloads; [`main!`](crate::main) calls it.
pub fn main(entries: impl IntoIterator<Item = Entry>) -> ExitCode {
    match Registry::new(entries) {
        Ok(registry) => run(&registry),
        Err(error) => failed(error, USAGE),
    }
}

/// As [`main`], with what is registered.
pub fn run(registry: &Registry) -> ExitCode {
    if let Some(outcome) = child(registry) {
        return outcome;
    }
    match Line::parse().command {
        Command::List => list(registry),
        Command::Compare(args) => compare(&args, registry),
    }
}

/// The `main` of a benchmark target: `compare` without the word, for `cargo bench`.
///
/// Without cargo's own `--bench` (that is, under `cargo test`) it does each piece of work once, at a small
/// size.
pub fn bench(registry: &Registry) -> ExitCode {
    if let Some(outcome) = child(registry) {
        return outcome;
    }
    let told = |flag: &str| env::args().any(|arg| arg == flag);
    if !(told("--bench") || told("--help")) {
        return match smoke(registry) {
            Ok(cells) => {
                println!("{cells} cells work; `cargo bench` measures them");
                ExitCode::SUCCESS
            }
            Err(error) => failed(error, 1),
        };
    }
    let line = BenchLine::parse();
    if line.list { list(registry) } else { compare(&line.compare, registry) }
}

/// What a child of a comparison does, if this is one.
fn child(registry: &Registry) -> Option<ExitCode> {
    if env::args().nth(1).as_deref() != Some(CELL) {
        return None;
    }
    Some(match compare::measure(&ChildArgs::parse(), registry) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(error, 1),
    })
}

fn list(registry: &Registry) -> ExitCode {
    for entry in registry.entries() {
        for size in entry.sizes().into_iter().filter_map(Size::new) {
            let load = Load::new(size.get());
            let figure = match entry.measure() {
                Measure::Throughput => format!("time per {}", entry.unit()),
                Measure::Latency => format!("latency per {}", entry.unit()),
                Measure::Quantity => entry.unit().to_owned(),
            };
            println!("{:19} {}; {figure}", format!("{}-{size}", entry.name()), entry.about(load));
        }
    }
    ExitCode::SUCCESS
}

fn compare(args: &CompareArgs, registry: &Registry) -> ExitCode {
    match Plan::new(args, registry) {
        Ok(plan) => match compare::compare(&plan) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(error, 1),
        },
        Err(error) => failed(error, USAGE),
    }
}

fn failed(error: impl Display, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(code)
}
