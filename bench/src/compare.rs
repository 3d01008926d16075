//! The comparison: every cell in a process of its own, in random order, then one table.
//!
//! | step | where |
//! |---|---|
//! | what it can be told | `args` |
//! | which cells, how often, in which order | `case`, `plan` |
//! | one cell: the process that measures, and the one that waits for it | `child` |
//! | what is seen meanwhile | `progress` |
//! | figures, and what they allow to say | `results` |
//! | the table | `table` |

mod args;
mod case;
mod child;
mod plan;
mod progress;
mod results;
mod table;

pub(crate) use args::CompareArgs;
pub(crate) use child::{CELL, ChildArgs, ChildError, measure};
pub(crate) use plan::Plan;

use progress::Progress;
use results::Results;
use std::io::{self, IsTerminal};
use std::time::Instant;

/// Measures and prints all that the plan says.
pub(crate) fn compare(plan: &Plan) -> Result<(), ChildError> {
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
            progress.step(&cell);
            let reading = child::wait(&cell, plan.rate, plan.quick)?;
            results.add(cell, reading);
        }
    }
    progress.done();
    println!("{}", table::table(plan, &results));
    println!("{rounds} processes for each cell, {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}
