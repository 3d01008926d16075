//! Every piece of work, on every runtime and in every variant, does what it says.

use backstay_bench::cell::Variant;
use backstay_bench::compare::smoke;
use backstay_bench::start::RUNTIMES;
use backstay_bench::workload::Workload;

#[test]
fn every_cell_works() {
    let cells = Workload::ALL.len() * RUNTIMES.len() * Variant::ALL.len();
    assert_eq!(smoke().unwrap(), cells);
}
