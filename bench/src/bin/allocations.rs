//! Does one operation so often, on one thread, several times over, and prints the allocations of the run that made the
//! fewest: the runtimes' own threads only ever add. See `scripts/counts`.
//!
//! `allocations <runtime> <bare|backstay|any> <spawn|timeout-ready|timeout-pending> <times>`

use backstay_bench::allocations::{Counting, of_process};
use backstay_bench::sample::Sampling;
use backstay_bench::single::Single;
use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static COUNTING: Counting = Counting;

fn main() -> ExitCode {
    match Single::parse().run(Sampling { iterations: 10, warm_up: 2, meter: of_process }) {
        Ok(runs) => {
            println!("{}", runs.into_iter().min().unwrap_or_default());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
