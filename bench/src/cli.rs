//! The command line: of `backstay-bench`, of `cargo bench`, and of a program of your own.
//!
//! | code | when |
//! |---|---|
//! | 0 | all is well |
//! | 1 | a cell failed, or a file could not be written |
//! | 2 | the command line is wrong, or names a file that is no report |
//! | 3 | a regression of more than `--fail-on`, or two comparisons that name opposite winners |

mod output;
mod target;

use crate::compare::{self, CELL, ChildArgs, CompareArgs, Plan};
use crate::doctor::examine;
use crate::entry::Entry;
use crate::environment::Environment;
use crate::registry::Registry;
use crate::report::Report;
use crate::report::agreement::Agreement;
use crate::say::say;
use crate::size::Size;
use crate::smoke::smoke;
use crate::style::Style;
use crate::workload::{Load, Measure};
use clap::{Parser, Subcommand};
use output::{OutputArgs, gate};
use std::env;
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A bad command line, or workloads that can't be registered.
const USAGE: u8 = 2;

/// The same work on tokio, smol and async-std: which is faster at what
#[derive(Debug, Parser)]
#[command(version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the workloads
    List,
    /// Compare the runtimes on them
    Compare {
        #[command(flatten)]
        compare: Box<CompareArgs>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show a comparison that was made, and write or compare it
    Report {
        /// A run.json
        file: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Say whether two comparisons name opposite winners
    Agree {
        /// A run.json
        one: PathBuf,
        /// Another
        another: PathBuf,
    },
    /// Say what on this machine disturbs figures
    Doctor,
}

/// Compares tokio, smol and async-std on the same work, with backstay and without
#[derive(Debug, Parser)]
#[command(name = "compare", bin_name = "cargo bench --bench compare --")]
struct BenchLine {
    #[command(flatten)]
    compare: CompareArgs,
    #[command(flatten)]
    output: OutputArgs,
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
        Err(error) => code(Err(Failed { error: Box::new(error), code: USAGE })),
    }
}

/// As [`main`], with what is registered.
pub fn run(registry: &Registry) -> ExitCode {
    if let Some(outcome) = child(registry) {
        return code(outcome);
    }
    code(match Line::parse().command {
        Command::List => {
            list(registry);
            Ok(())
        }
        Command::Compare { compare, output } => {
            make(&compare, &output, registry, &format!("{} compare", program()))
        }
        Command::Report { file, output } => show(&file, &output),
        Command::Agree { one, another } => agree(&one, &another),
        Command::Doctor => {
            doctor();
            Ok(())
        }
    })
}

/// The `main` of a benchmark target: `compare` without the word, for `cargo bench`.
///
/// Without cargo's own `--bench` (that is, under `cargo test`) it does each piece of work once, at a small
/// size.
///
/// Without `--out` it writes the page and the JSON into a new folder within the target directory.
pub fn bench(registry: &Registry) -> ExitCode {
    if let Some(outcome) = child(registry) {
        return code(outcome);
    }
    let told = |flag: &str| env::args().any(|arg| arg == flag);
    if !(told("--bench") || told("--help")) {
        let smoked =
            smoke(registry).map(|cells| say(format_args!("{cells} cells work; `cargo bench` measures them")));
        return code(smoked.map_err(Failed::from));
    }
    let line = BenchLine::parse();
    if line.list {
        list(registry);
        return ExitCode::SUCCESS;
    }
    let output = line.output.or_into(target::folder);
    code(make(&line.compare, &output, registry, "cargo bench --bench compare --"))
}

/// What a child of a comparison does, if this is one.
fn child(registry: &Registry) -> Option<Result<(), Failed>> {
    let is_child = env::args().nth(1).as_deref() == Some(CELL);
    is_child.then(|| compare::measure(&ChildArgs::parse(), registry).map_err(Failed::from))
}

fn list(registry: &Registry) {
    for entry in registry.entries() {
        let figure = match entry.measure() {
            Measure::Throughput => format!("time per {}", entry.unit()),
            Measure::Latency => format!("latency per {}", entry.unit()),
            Measure::Quantity => entry.unit().to_owned(),
        };
        let marked = |sizes: Vec<u64>, mark| sizes.into_iter().map(move |size| (size, mark));
        let sizes = marked(entry.sizes(), "").chain(marked(entry.large_sizes(), "; large"));
        for (size, mark) in sizes.filter_map(|(size, mark)| Some((Size::new(size)?, mark))) {
            let (name, about) = (entry.name(), entry.about(Load::new(size.get())));
            say(format_args!("{:19} {about}; {figure}{mark}", format!("{name}-{size}")));
        }
    }
}

fn make(args: &CompareArgs, output: &OutputArgs, registry: &Registry, program: &str) -> Result<(), Failed> {
    let plan = Plan::new(args, registry).map_err(|error| Failed { error: Box::new(error), code: USAGE })?;
    let output = output.prepare()?;
    output.of(&compare::compare(&plan, program)?)
}

fn show(file: &Path, output: &OutputArgs) -> Result<(), Failed> {
    let report = Report::read(file).map_err(|error| Failed { error: Box::new(error), code: USAGE })?;
    say(format_args!("{}\n", report.command));
    output.prepare()?.of(&report)
}

fn agree(one: &Path, another: &Path) -> Result<(), Failed> {
    let read = |path| Report::read(path).map_err(|error| Failed { error: Box::new(error), code: USAGE });
    let agreement = Agreement::between(&read(one)?, &read(another)?);
    say(agreement.words(Style::of(&io::stdout())).trim_end());
    gate(agreement.sections.is_empty(), agreement.opposite().count(), "opposite winner")
}

fn doctor() {
    let style = Style::of(&io::stdout());
    let findings = examine(&Environment::read());
    for finding in &findings {
        let mark = if finding.warning.is_some() { style.yellow("warning") } else { style.green("ok     ") };
        say(format_args!("{mark}  {:11} {}", finding.what, finding.found));
        if let Some(warning) = &finding.warning {
            say(format_args!("{:9}{:11} {warning}", "", ""));
        }
    }
    let warnings = findings.iter().filter(|finding| finding.warning.is_some()).count();
    say(format_args!("{warnings} of {} disturb figures", findings.len()));
}

/// What ends the program, and with which code.
struct Failed {
    error: Box<dyn Error>,
    code: u8,
}

impl<E: Error + 'static> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { error: Box::new(error), code: 1 }
    }
}

fn code(outcome: Result<(), Failed>) -> ExitCode {
    outcome.map_or_else(
        |Failed { error, code }| {
            eprintln!("{} {error}", Style::of(&io::stderr()).red("error:"));
            ExitCode::from(code)
        },
        |()| ExitCode::SUCCESS,
    )
}

fn program() -> String {
    let name =
        env::current_exe().ok().and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    name.unwrap_or_else(|| "backstay-bench".to_owned())
}
