//! What is compared: a workload, how much of it, on how many threads.

use crate::cell::{Cell, Variant};
use crate::entry::Entry;
use crate::size::Size;
use crate::workload::{Load, Rate};
use backstay::Backend;
use std::num::NonZeroUsize;

/// A workload, how much of it, on how many threads: a part of the report.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) entry: Entry,
    pub(crate) size: Size,
    pub(crate) threads: NonZeroUsize,
    pub(crate) rate: Rate,
}

impl Case {
    /// Its name with its size: `spawn-1k`.
    pub(crate) fn label(&self) -> String {
        format!("{}-{}", self.entry.name(), self.size)
    }

    pub(crate) fn load(&self) -> Load {
        Load::new(self.size.get()).at(self.rate)
    }

    /// Whether it is written by hand too.
    pub(crate) fn has_bare(&self) -> bool {
        self.entry.bare(self.load()).is_some()
    }

    pub(crate) fn cell(&self, backend: Backend, variant: Variant) -> Cell {
        let workload = self.entry.name().to_owned();
        Cell { backend, variant, workload, size: self.size, threads: self.threads }
    }

    /// Its cells: through backstay, and by hand if it is.
    pub(crate) fn cells<'a>(&'a self, backends: &'a [Backend]) -> impl Iterator<Item = Cell> + 'a {
        let variants: &[_] =
            if self.has_bare() { &[Variant::Bare, Variant::Backstay] } else { &[Variant::Backstay] };
        let on = move |&backend: &Backend| variants.iter().map(move |&variant| self.cell(backend, variant));
        backends.iter().flat_map(on)
    }
}
