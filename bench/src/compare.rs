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
use crate::report::number::show;
use crate::report::{Report, SCHEMA, Section, Series};
use crate::say::say;
use crate::stats::median;
use crate::style::Style;
use crate::workload::Measure;
use case::Case;
use child::Answer;
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
        say(plan.preamble());
        for finding in &doctor {
            if let Some(warning) = &finding.warning {
                let text = format!("warning: {}: {}: {warning}", finding.what, finding.found);
                eprintln!("{}", Style::of(&io::stderr()).yellow(&text));
            }
        }
    }
    let start = Instant::now();
    let (answers, processes) = answers(plan, start)?;
    environment.end();
    Ok(Report {
        schema: SCHEMA,
        command: format!("{program} {}", plan.command),
        started,
        seconds: start.elapsed().as_secs_f64(),
        seed: plan.seed,
        processes,
        quick: plan.quick,
        aa: plan.aa,
        environment,
        doctor,
        sections: plan.cases.iter().map(|case| section(case, &answers)).collect(),
    })
}

/// What each process said, by cell, and how many processes each cell had.
fn answers(plan: &Plan, start: Instant) -> Result<(HashMap<Cell, Answers>, u32), ChildError> {
    let (out, terminal) = (io::stderr(), io::stderr().is_terminal());
    let mut progress = Progress::new(out, terminal, plan.processes(), plan.limit);
    let mut answers = HashMap::<Cell, Answers>::new();
    let mut processes = 0;
    for round in plan.rounds() {
        // As long as those before it took.
        let ends = start.elapsed().saturating_add(start.elapsed().checked_div(processes).unwrap_or_default());
        if processes > 0 && ends > plan.limit {
            break;
        }
        processes += 1;
        for cell in round {
            let before = answers.get(&cell);
            if !plan.quiet {
                let so_far = before.and_then(|answers| answers.so_far(plan.measure(&cell)));
                progress.step(&cell, so_far.as_deref(), start.elapsed());
            }
            if before.is_some_and(|answers| answers.not_here.is_some()) {
                continue;
            }
            let answer = child::wait(&cell, plan.rate, plan.quick, plan.limit_of(&cell));
            if answer.is_err() && !plan.quiet {
                progress.done();
            }
            let answer = answer?;
            answers.entry(cell).or_default().take(answer);
        }
    }
    if !plan.quiet {
        progress.done();
    }
    Ok((answers, processes))
}

/// All that the processes of a cell said.
#[derive(Clone, Default)]
struct Answers {
    runs: Vec<Reading>,
    not_here: Option<String>,
}

impl Answers {
    fn so_far(&self, measure: Measure) -> Option<String> {
        let figures: Vec<_> = self.runs.iter().map(|run| run.figure).collect();
        (!figures.is_empty()).then(|| show(measure, median(&figures)))
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Reading(reading) => self.runs.push(reading),
            // What it said before is of a system that was another.
            Answer::NotHere(why) => *self = Self { runs: Vec::new(), not_here: Some(why) },
        }
    }
}

fn section(case: &Case, answers: &HashMap<Cell, Answers>) -> Section {
    let series = case.cells().map(|cell| {
        let Answers { runs, not_here } = answers.get(&cell).cloned().unwrap_or_default();
        Series { runtime: cell.runtime, variant: cell.variant, runs, not_here }
    });
    case.section(series.collect())
}
