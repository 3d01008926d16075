//! A workload without its type: compiled for every runtime, and chosen at run time.

use crate::failure::Failure;
use crate::job::Job;
use crate::sample::{Run, Sampling};
use crate::through::Through;
use crate::workload::{Load, Measure, Measured, Workload};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A workload, compiled for tokio, smol, async-std and the erased runtime.
///
/// Only the choice is erased: what runs is the workload's own code for that runtime, with no indirect call besides
/// the first.
#[derive(Clone)]
pub struct Entry(Arc<dyn Erased>);

impl Entry {
    /// Compiles it.
    pub fn of<W: Workload>(workload: W) -> Self {
        Self(Arc::new(workload))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// What is done.
    pub fn about(&self, load: Load) -> String {
        self.0.about(load)
    }

    /// What a figure is of.
    pub fn unit(&self) -> &'static str {
        self.0.unit()
    }

    /// What kind of figure it is.
    pub fn measure(&self) -> Measure {
        self.0.measure()
    }

    /// The sizes that are compared unless others are asked for.
    pub fn sizes(&self) -> Vec<u64> {
        self.0.sizes()
    }

    /// The sizes that are compared only where they are asked for.
    pub fn large_sizes(&self) -> Vec<u64> {
        self.0.large_sizes()
    }

    /// A size that takes next to no time.
    pub fn smallest(&self) -> u64 {
        self.0.smallest()
    }

    /// How often it is done in one process.
    pub fn iterations(&self, load: Load) -> u32 {
        self.0.iterations(load)
    }

    /// Runs before those that count.
    pub fn warm_up(&self, load: Load) -> u32 {
        self.0.warm_up(load)
    }

    /// How many tasks are alive at once, where it is known.
    pub fn tasks(&self, load: Load) -> Option<u64> {
        self.0.tasks(load)
    }

    /// The time that it takes at least.
    pub fn floor(&self, load: Load) -> Duration {
        self.0.floor(load)
    }

    /// The same by hand, if there is such a thing.
    pub fn bare(&self, load: Load) -> Option<Job> {
        self.0.bare(load)
    }

    pub(crate) fn run(&self, through: &Through, load: Load, sampling: Sampling) -> Result<Vec<Run>, Failure> {
        self.0.run(through, load, sampling)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.name()).finish()
    }
}

/// [`Workload`] without what depends on the runtime's type.
trait Erased: Send + Sync {
    fn name(&self) -> &'static str;
    fn about(&self, load: Load) -> String;
    fn unit(&self) -> &'static str;
    fn measure(&self) -> Measure;
    fn sizes(&self) -> Vec<u64>;
    fn large_sizes(&self) -> Vec<u64>;
    fn smallest(&self) -> u64;
    fn iterations(&self, load: Load) -> u32;
    fn warm_up(&self, load: Load) -> u32;
    fn tasks(&self, load: Load) -> Option<u64>;
    fn floor(&self, load: Load) -> Duration;
    fn bare(&self, load: Load) -> Option<Job>;
    fn run(&self, through: &Through, load: Load, sampling: Sampling) -> Result<Vec<Run>, Failure>;
}

impl<W: Workload> Erased for W {
    fn name(&self) -> &'static str {
        Workload::name(self)
    }

    fn about(&self, load: Load) -> String {
        Workload::about(self, load)
    }

    fn unit(&self) -> &'static str {
        Workload::unit(self)
    }

    fn measure(&self) -> Measure {
        W::Measured::MEASURE
    }

    fn sizes(&self) -> Vec<u64> {
        Workload::sizes(self)
    }

    fn large_sizes(&self) -> Vec<u64> {
        Workload::large_sizes(self)
    }

    fn smallest(&self) -> u64 {
        Workload::smallest(self)
    }

    fn iterations(&self, load: Load) -> u32 {
        Workload::iterations(self, load)
    }

    fn warm_up(&self, load: Load) -> u32 {
        Workload::warm_up(self, load)
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Workload::tasks(self, load)
    }

    fn floor(&self, load: Load) -> Duration {
        Workload::floor(self, load)
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Workload::bare(self, load)
    }

    fn run(&self, through: &Through, load: Load, sampling: Sampling) -> Result<Vec<Run>, Failure> {
        match through {
            Through::Tokio(owned) => owned.run(self, load, sampling),
            Through::Smol(owned) => owned.run(self, load, sampling),
            Through::AsyncStd(owned) => owned.run(self, load, sampling),
            Through::Any(owned) => owned.run(self, load, sampling),
        }
    }
}
