//! The work of the benches that can be measured in other ways than by its time.

use crate::bench::{Size, Table};
use crate::work::Work;
use crate::{composition, tasks};

/// A table, and the work of its rows.
pub type Family = (Table, fn(Size) -> Vec<Work>);

/// All of them.
pub fn families() -> impl Iterator<Item = Family> {
    composition::FAMILIES.into_iter().chain(tasks::FAMILIES)
}
