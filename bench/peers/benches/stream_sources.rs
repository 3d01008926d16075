//! Rows of a database beside the bare driver; `-- --help` tells its options.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Whoever builds it with the simulated runtime has core's test kit in what is measured.
    if cfg!(feature = "sim") {
        eprintln!("error: this would measure the test kit too: run it with --no-default-features");
        return ExitCode::from(2);
    }
    backstay_peers::bench::main(&backstay_peers::streams::sources::BENCH)
}
