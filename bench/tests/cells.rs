//! Every piece of work, on every runtime and in every variant, does what it says.

use backstay::{Net, Runtime};
use backstay_bench::cell::Variant;
use backstay_bench::entry::Entry;
use backstay_bench::failure::{Failure, check};
use backstay_bench::registry::Registry;
use backstay_bench::smoke::smoke;
use backstay_bench::start::RUNTIMES;
use backstay_bench::workload::{Load, Units, Workload};
use backstay_bench::workloads::standard;
use std::num::NonZeroU64;

#[test]
fn every_cell_works() {
    let registry = standard();
    let by_hand = |entry: &&Entry| entry.bare(Load::new(NonZeroU64::MIN)).is_some();
    let bare = registry.entries().iter().filter(by_hand).count();
    assert!(bare >= 8);
    let cells = RUNTIMES.len() * (registry.entries().len() * (Variant::ALL.len() - 1) + bare);
    let done = smoke(&registry).unwrap();
    // Elsewhere some can't be measured.
    assert!(if cfg!(target_os = "linux") { done == cells } else { done > cells / 2 }, "{done} of {cells}");
}

/// Says that it does more than it does.
#[derive(Clone)]
struct Boaster;

impl Workload for Boaster {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "boaster"
    }

    fn about(&self, load: Load) -> String {
        format!("{} boasts", load.size())
    }

    fn unit(&self) -> &'static str {
        "boast"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![3]
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let done = rt.spawn(async { 1 }).await?;
        check("the boasts", load.size(), done)?;
        Ok(Units(done))
    }
}

#[test]
fn wrong_work_is_a_failure_that_names_it() {
    let error = smoke(&Registry::new([Entry::of(Boaster)]).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "tokio/backstay/boaster/2/2: the boasts: expected 2, found 1");
    assert!(matches!(error.failure(), Failure::Wrong { what: "the boasts", expected: 2, found: 1 }));
}

/// Can't be measured on any system.
#[derive(Clone)]
struct Nowhere;

impl Workload for Nowhere {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "nowhere"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks", load.size())
    }

    fn unit(&self) -> &'static str {
        "task"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![3]
    }

    async fn run<R: Runtime + Net>(&self, _: R, _: Load) -> Result<Units, Failure> {
        Err(Failure::not_here("there is no such file"))
    }
}

#[test]
fn what_can_t_be_measured_on_a_system_is_no_failure_there() {
    assert_eq!(smoke(&Registry::new([Entry::of(Nowhere)]).unwrap()).unwrap(), 0);
}
