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
