//! Does one operation so often, on one thread: for callgrind to count. See `scripts/instructions`.
//!
//! `instructions <runtime> <bare|backstay|any> <spawn|timeout-ready|timeout-pending> <times>`

use backstay::Backend;
use backstay_bench::cell::Variant;
use backstay_bench::entry::Entry;
use backstay_bench::host::Threads;
use backstay_bench::job::Operation;
use backstay_bench::sample::Sampling;
use backstay_bench::start;
use backstay_bench::workload::Load;
use backstay_bench::workloads::Micro;
use clap::{Parser, ValueEnum};
use std::num::NonZeroU64;
use std::process::ExitCode;

/// Does one operation many times on one thread
#[derive(Debug, Parser)]
struct Args {
    /// tokio, smol or async-std
    runtime: Backend,
    /// bare, backstay or any
    variant: Variant,
    /// The operation
    what: What,
    /// How often
    times: NonZeroU64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    Spawn,
    TimeoutReady,
    TimeoutPending,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let operation = match args.what {
        What::Spawn => Operation::SpawnAll,
        What::TimeoutReady => Operation::TimeoutReady,
        What::TimeoutPending => Operation::TimeoutPending,
    };
    let entry = Entry::of(Micro { operation });
    let outcome = start::start(args.runtime, args.variant, Threads::Current)
        .and_then(|host| host.run(&entry, Load::new(args.times), Sampling::ONCE));
    match outcome {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
