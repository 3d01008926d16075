//! Does one operation so often, on one thread: for callgrind to count. See `scripts/counts`.
//!
//! `instructions <runtime> <bare|backstay|any> <spawn|timeout-ready|timeout-pending> <times>`

use backstay_bench::sample::Sampling;
use backstay_bench::single::Single;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Single::parse().run(Sampling::ONCE) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
