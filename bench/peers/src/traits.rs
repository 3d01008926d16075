//! What the static traits take beside the bare runtimes: instructions and allocations of one operation on one thread.
//!
//! Each is done in two numbers; the difference over the difference of the numbers is what one more takes, and what
//! starting and ending take cancels out. Several runs, of which the least counts: the runtimes' own idle threads only
//! ever add.

use crate::callgrind::{Callgrind, Failed};
use crate::parallel::for_each;
use crate::results::Trait;
use std::error::Error;
use std::path::Path;
use std::process::Command;

const RUNTIMES: [&str; 3] = ["tokio", "smol", "async-std"];
const OPERATIONS: [&str; 3] = ["spawn", "timeout-ready", "timeout-pending"];
const VARIANTS: [&str; 2] = ["bare", "backstay"];

const FEW: u32 = 2_000;
const RUNS: usize = 3;

/// Of what takes few instructions there are many, or those of other threads would show.
fn many(operation: &str) -> u32 {
    if operation == "timeout-ready" { 202_000 } else { 12_000 }
}

type Case = (&'static str, &'static str, &'static str);

fn cases() -> impl Iterator<Item = Case> {
    RUNTIMES.into_iter().flat_map(|runtime| {
        OPERATIONS
            .into_iter()
            .flat_map(move |operation| VARIANTS.map(|variant| (runtime, operation, variant)))
    })
}

/// The rows' names.
pub fn names() -> impl Iterator<Item = String> {
    let name = |runtime| OPERATIONS.map(|operation| format!("{operation} on {runtime}"));
    RUNTIMES.into_iter().flat_map(name)
}

/// Whether its count is the same each time: a pending timeout on smol and async-std is taken by the reactor's own
/// thread, sooner or later, and in larger or smaller lots.
pub fn is_steady(one: &Trait) -> bool {
    one.runtime == "tokio" || one.operation != "timeout-pending"
}

/// Counts all of them, with the programs `instructions` and `allocations` of backstay-bench in this folder.
///
/// # Errors
///
/// Where one of them fails.
pub fn measure(folder: &Path, callgrind: Option<&Callgrind>) -> Result<Vec<Trait>, Box<dyn Error>> {
    let cases: Vec<Case> = cases().collect();
    let instructions = match callgrind {
        Some(callgrind) => {
            let count = |case: &Case| of_one(callgrind, &folder.join("instructions"), *case);
            for_each(&cases, count, |_| ())?.into_iter().map(Some).collect()
        }
        None => vec![None; cases.len()],
    };
    let rows = cases.into_iter().zip(instructions).map(|((runtime, operation, variant), instructions)| {
        Ok(Trait {
            runtime: runtime.to_owned(),
            operation: operation.to_owned(),
            variant: variant.to_owned(),
            instructions,
            allocations: allocations(&folder.join("allocations"), (runtime, operation, variant))?,
        })
    });
    rows.collect()
}

fn of_one(callgrind: &Callgrind, program: &Path, (runtime, operation, variant): Case) -> Result<f64, Failed> {
    let least = |times: u32| {
        let times = times.to_string();
        let count = |_| callgrind.instructions(program, &[runtime, variant, operation, &times], None);
        (0..RUNS).map(count).try_fold(u64::MAX, |least, count| Ok(least.min(count?)))
    };
    let times = many(operation);
    let (few, many) = (least(FEW)?, least(times)?);
    Ok((many as f64 - few as f64) / f64::from(times - FEW))
}

fn allocations(program: &Path, (runtime, operation, variant): Case) -> Result<f64, Box<dyn Error>> {
    let output = Command::new(program).args([runtime, variant, operation, &FEW.to_string()]).output()?;
    if !output.status.success() {
        return Err(format!("allocations on {runtime}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let count: u32 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    Ok(f64::from(count) / f64::from(FEW))
}
