//! Instructions of everybody's work on one thread, counted by valgrind's callgrind: for `scripts/instructions-peers`.
//!
//! A process of its own for each figure, which does the work once. Only what is called from [`measured`] counts.
//!
//! [`measured`]: backstay_peers::work::measured

use backstay_peers::callgrind::Callgrind;
use backstay_peers::counting::{Args, once};
use backstay_peers::parallel::for_each;
use backstay_peers::results::Count;
use clap::Parser;
use std::env;
use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    if let Some(contestant) = &args.once {
        return once(args.filters.first().map_or("", String::as_str), contestant);
    }
    let callgrind = Callgrind::find().ok_or("valgrind is not installed")?;
    let program = env::current_exe()?;
    let jobs = args.jobs();
    let count = |job: &Count| {
        let once = ["--once", &job.contestant, &job.work];
        let count = callgrind.instructions(&program, &once, Some("backstay_peers::work::measured"));
        count.map_err(|failed| format!("{} on {}: {failed}", job.work, job.contestant))
    };
    let counts = for_each(&jobs, count, |done| {
        if done % 50 == 0 {
            eprintln!("  {done} of {} counts", jobs.len());
        }
    })?;
    let counts: Vec<_> = jobs.into_iter().zip(counts).map(|(job, count)| Count { count, ..job }).collect();
    args.report(&counts)
}
