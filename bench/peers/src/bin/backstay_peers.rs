//! All benches and counts in one go: writes `docs/performance.md`; `-- --help` tells its options.

use std::process::ExitCode;

fn main() -> ExitCode {
    backstay_peers::conductor::main()
}
