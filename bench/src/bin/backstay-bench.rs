//! The comparison of the runtimes on the standard workloads; `--help` tells its options.

use backstay_bench::{cli, workloads};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(&workloads::standard())
}
