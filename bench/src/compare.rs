//! The comparison: every cell in a process of its own, in random order, then a report.
//!
//! | step | where |
//! |---|---|
//! | what it can be told | `args` |
//! | which cells, how often, in which order | `case`, `plan` |
//! | one cell: the process that measures, and the one that waits for it | `child` |
//! | what is seen meanwhile | `progress` |
//! | figures, and what they allow to say | [`report`](crate::report) |

mod args;
mod case;
mod child;
mod plan;
mod progress;

pub(crate) use args::CompareArgs;
pub(crate) use child::{CELL, ChildArgs, ChildError, measure};
pub(crate) use plan::Plan;

use crate::cell::Cell;
use crate::doctor::examine;
use crate::environment::Environment;
use crate::reading::Reading;
use crate::report::{Report, SCHEMA, Section, Series};
use crate::style::Style;
use case::Case;
use progress::Progress;
use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Measures all that the plan says; `program` is what was called.
pub(crate) fn compare(plan: &Plan, program: &str) -> Result<Report, ChildError> {
    let mut environment = Environment::read();
    let doctor = examine(&environment);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if !plan.quiet {
        println!("{}", plan.preamble());
        for finding in &doctor {
            if let Some(warning) = &finding.warning {
                let text = format!("warning: {}: {}: {warning}", finding.what, finding.found);
                eprintln!("{}", Style::of(&io::stderr()).yellow(&text));
            }
        }
    }
    let start = Instant::now();
    let (readings, processes) = readings(plan, start)?;
    environment.end();
    Ok(Report {
        schema: SCHEMA,
        command: format!("{program} {}", plan.command),
        started,
        seconds: start.elapsed().as_secs_f64(),
        seed: plan.seed,
        processes,
        quick: plan.quick,
        environment,
        doctor,
        sections: plan.cases.iter().map(|case| section(plan, case, &readings)).collect(),
    })
}

/// What each process said, by cell, and how many processes each cell had.
fn readings(plan: &Plan, start: Instant) -> Result<(HashMap<Cell, Vec<Reading>>, u32), ChildError> {
    let (out, terminal) = (io::stderr(), io::stderr().is_terminal());
    let mut progress = Progress::new(out, terminal, plan.processes(), plan.limit);
    let mut readings = HashMap::<_, Vec<_>>::new();
    let mut processes = 0;
    for round in plan.rounds() {
        // As long as those before it took.
        let ends = start.elapsed().saturating_add(start.elapsed().checked_div(processes).unwrap_or_default());
        if processes > 0 && ends > plan.limit {
            break;
        }
        processes += 1;
        for cell in round {
            if !plan.quiet {
                progress.step(&cell, start.elapsed());
            }
            let reading = child::wait(&cell, plan.rate, plan.quick)?;
            readings.entry(cell).or_default().push(reading);
        }
    }
    if !plan.quiet {
        progress.done();
    }
    Ok((readings, processes))
}

fn section(plan: &Plan, case: &Case, readings: &HashMap<Cell, Vec<Reading>>) -> Section {
    let series = case.cells(&plan.backends).map(|cell| Series {
        runtime: cell.backend,
        variant: cell.variant,
        runs: readings.get(&cell).cloned().unwrap_or_default(),
    });
    case.section(series.collect())
}
