//! A limit on a rate in Redis beside another client; `-- --help` tells its options.

use backstay_peers::redis_limits::{BENCH, MISSING, is_there};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Whoever builds it with the simulated runtime has core's test kit in what is measured.
    if cfg!(feature = "sim") {
        eprintln!("error: this would measure the test kit too: run it with --no-default-features");
        return ExitCode::from(2);
    }
    if !is_there() {
        eprintln!("skipped: {MISSING}");
        return ExitCode::SUCCESS;
    }
    backstay_peers::bench::main(&BENCH)
}
