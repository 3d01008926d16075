//! Every piece of work once, at next to no size: that it works, not what it takes.

use crate::cell::{Cell, Variant};
use crate::failure::{Failure, check};
use crate::host::Threads;
use crate::reading::Reading;
use crate::registry::Registry;
use crate::sample::Sampling;
use crate::size::Size;
use crate::start;
use crate::start::RUNTIMES;
use crate::workload::Load;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;

/// Does every piece of work once, at its smallest size, in this process; gives the number of cells, without those that
/// can't be measured on this system.
///
/// # Errors
///
/// The first failure, with the cell that it is of.
pub fn smoke(registry: &Registry) -> Result<usize, SmokeError> {
    let threads = NonZeroUsize::MIN.saturating_add(1);
    let mut cells = 0;
    for backend in RUNTIMES {
        // Backstay first: it sizes async-std, of which there is one for the process.
        let mut units = HashMap::new();
        for variant in [Variant::Backstay, Variant::Any, Variant::Bare] {
            let host = start::start(backend, variant, Threads::Workers(threads));
            for entry in registry.entries() {
                // The registry has seen to it that there is such a size.
                let size = Size::new(entry.smallest()).unwrap_or(Size::ONE);
                let load = Load::new(size.get());
                if variant == Variant::Bare && entry.bare(load).is_none() {
                    continue;
                }
                let mut once = || {
                    let host = host.as_ref().map_err(|error| Failure::other(error.to_string()))?;
                    let runs = host.run(entry, load, Sampling::ONCE)?;
                    let done = Reading::new(&runs, entry.floor(load))?.operations().unwrap_or_default();
                    // By hand it is as much.
                    check("the units", *units.entry(entry.name()).or_insert(done), done)
                };
                let workload = entry.name().to_owned();
                let cell = Cell { runtime: backend.into(), variant, workload, size, threads };
                match once() {
                    Ok(()) => cells += 1,
                    // Nothing is wrong with it.
                    Err(Failure::NotHere(_)) => {}
                    Err(failure) => return Err(SmokeError { cell, failure }),
                }
            }
        }
    }
    Ok(cells)
}

/// A cell that doesn't work.
#[derive(Debug)]
pub struct SmokeError {
    cell: Cell,
    failure: Failure,
}

impl SmokeError {
    /// Which it is.
    pub fn cell(&self) -> &Cell {
        &self.cell
    }

    /// Why.
    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

impl fmt::Display for SmokeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cell, self.failure)
    }
}

impl Error for SmokeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.failure)
    }
}
