//! The comparison of the runtimes; `-- --help` tells its options.

use std::process::ExitCode;

fn main() -> ExitCode {
    backstay_bench::compare::main()
}
