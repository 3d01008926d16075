//! Composition of futures beside other crates; `-- --help` tells its options.

use std::process::ExitCode;

fn main() -> ExitCode {
    backstay_peers::bench::main(&backstay_peers::composition::BENCH)
}
