//! The comparison of the runtimes; `-- --help` tells its options.

use backstay_bench::{cli, workloads};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::bench(&workloads::standard())
}
