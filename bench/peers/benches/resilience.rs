//! Resilience beside other crates; `-- --help` tells its options.

fn main() {}
