//! The comparison: every cell in a process of its own, in random order, then one table.
//!
//! | step | where |
//! |---|---|
//! | the command line | `args` |
//! | which cells, how often, in which order | `plan` |
//! | one cell: the process that measures, and the one that waits for it | `child` |
//! | what is seen meanwhile | `progress` |
//! | figures, and what they allow to say | `results` |
//! | the table | `table` |

mod args;
mod child;
mod plan;
mod progress;
mod results;
mod table;

use crate::cell::{Cell, Variant};
use crate::failure::Failure;
use crate::host::Threads;
use crate::sample::{Sampling, nanoseconds};
use crate::start;
use crate::start::RUNTIMES;
use crate::workload::{Scale, Workload};
use args::Args;
use backstay::Backend;
use clap::Parser;
use plan::Plan;
use progress::Progress;
use results::Results;
use std::env;
use std::io::{self, IsTerminal};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Instant;

/// What `cargo bench --bench compare` runs.
///
/// Without cargo's own `--bench` (that is, under `cargo test`) it does each piece of work once, at a small
/// size.
pub fn main() -> ExitCode {
    let told = |flag: &str| env::args().any(|arg| arg == flag);
    if !(told("--bench") || told("--cell") || told("--help")) {
        return finish(smoke().map(|cells| println!("{cells} cells work; `cargo bench` measures them")));
    }
    let args = Args::parse();
    if let Some(cell) = args.cell {
        return finish(child::measure(cell, args.workers(), args.quick));
    }
    if args.list {
        for workload in Workload::ALL {
            println!("{:15} {}", workload.name(), workload.about());
        }
        return ExitCode::SUCCESS;
    }
    match Plan::new(&args) {
        Ok(plan) => finish(run(&plan)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn finish(outcome: Result<(), impl std::fmt::Display>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Result<(), child::ChildError> {
    let start = Instant::now();
    println!("{}", table::preamble(plan));
    let mut results = Results::default();
    let mut progress = Progress::new(io::stderr(), io::stderr().is_terminal(), plan.processes());
    let mut rounds = 0;
    for round in plan.rounds() {
        if start.elapsed() > plan.limit {
            break;
        }
        rounds += 1;
        for cell in round {
            progress.step(cell);
            results.add(cell, child::wait(cell, plan.workers, plan.quick)?);
        }
    }
    progress.done();
    println!("{}", table::table(plan, &results));
    println!("{rounds} processes for each cell, {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Does every piece of work once, at next to no size, in this process; gives the number of cells.
///
/// # Errors
///
/// The first failure.
pub fn smoke() -> Result<usize, Failure> {
    let workers = Threads::Workers(NonZeroUsize::MIN.saturating_add(1));
    let once = Sampling { iterations: 1, warm_up: 0, meter: nanoseconds };
    let mut cells = 0;
    for backend in RUNTIMES {
        // Backstay first: it sizes async-std, of which there is one for the process.
        for variant in [Variant::Backstay, Variant::Any, Variant::Bare] {
            let host = start::start(backend, variant, workers)?;
            for &workload in Workload::ALL {
                host.run(workload.job(Scale::Smoke), once)?;
                cells += 1;
            }
        }
    }
    Ok(cells)
}

/// The runtimes' variants that the table compares.
const COMPARED: [Variant; 2] = [Variant::Bare, Variant::Backstay];

/// The cells of these workloads on these runtimes.
fn cells<'a>(workloads: &'a [Workload], backends: &'a [Backend]) -> impl Iterator<Item = Cell> + 'a {
    workloads.iter().flat_map(move |&workload| {
        backends.iter().flat_map(move |&backend| {
            COMPARED.iter().map(move |&variant| Cell { backend, variant, workload })
        })
    })
}
