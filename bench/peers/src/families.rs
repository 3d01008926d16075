//! The work of the benches that can be measured in other ways than by its time.

use crate::bench::Family;
use crate::{composition, resilience, streams, tasks};

/// All of them.
pub fn families() -> impl Iterator<Item = Family> {
    composition::FAMILIES
        .into_iter()
        .chain(tasks::FAMILIES)
        .chain(resilience::FAMILIES)
        .chain(streams::FAMILIES)
}

/// Those whose instructions and allocations are counted: of a program with the simulated runtime its own, of one
/// without all others.
#[cfg(feature = "sim")]
pub fn counted() -> impl Iterator<Item = Family> {
    crate::sim::FAMILIES.into_iter()
}

/// Those whose instructions and allocations are counted: of a program with the simulated runtime its own, of one
/// without all others.
#[cfg(not(feature = "sim"))]
pub fn counted() -> impl Iterator<Item = Family> {
    families().chain(streams::websocket::FAMILIES)
}
