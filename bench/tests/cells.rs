//! Every piece of work, on every runtime and in every variant, does what it says.

use backstay::Backend;
use backstay_bench::cell::Variant;
use backstay_bench::compare::smoke;
use backstay_bench::workload::Workload;

#[test]
fn every_cell_works() {
    let cells = Workload::ALL.len() * Backend::ALL.len() * Variant::ALL.len();
    assert_eq!(smoke().unwrap(), cells);
}
