//! The simulated runtime beside other single-threaded ones in virtual time; `-- --help` tells its options.

use std::process::ExitCode;

fn main() -> ExitCode {
    backstay_peers::bench::main(&backstay_peers::sim::BENCH)
}
