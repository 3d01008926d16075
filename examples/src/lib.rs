//! What every example shares: the runtime chosen on the command line, a real [HTTP](http) server
//! and client, the [signal](stop) that stops it, what others [notice](latency) of work beside them; what
//! the runtimes [do](features); and which example shows [which recipe](recipes).

pub mod features;
pub mod http;
pub mod latency;
pub mod recipes;
pub mod stop;

use backstay::{AnyOwner, AnyRuntime, Backend, BlockOn, Config};
use clap::Parser;
use std::error::Error;
use std::process::ExitCode;

/// The command line of an example.
#[derive(Debug, Parser)]
struct Args {
    /// The runtime to run on: tokio, smol, async-std, or sim, which is simulated.
    #[arg(long, default_value = "tokio")]
    runtime: Backend,
}

/// What ends an example early: whatever went wrong, for a person to read.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What an example returns: an error makes it exit non-zero.
pub type Outcome = Result<(), Failure>;

/// Runs an example on the runtime that the command line names.
///
/// An unknown name lists the valid ones and exits with 2.
pub fn run<F>(example: impl FnOnce(AnyRuntime) -> F) -> ExitCode
where
    F: Future<Output = Outcome>,
{
    run_on(Args::parse().runtime, example)
}

/// Runs an example that has a command line of its own.
pub fn run_on<F>(runtime: Backend, example: impl FnOnce(AnyRuntime) -> F) -> ExitCode
where
    F: Future<Output = Outcome>,
{
    exit(start(runtime).and_then(|owner| owner.block_on(example(owner.runtime().clone()))))
}

/// Says what went wrong, if anything did: what `main` ends with.
pub fn exit(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(runtime: Backend) -> Result<AnyOwner, Failure> {
    Ok(runtime.start(Config::new())?)
}

// The examples of a guide that needs rayon run as tests too.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/cpu-work.md")]
mod guide {}
