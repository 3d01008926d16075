//! The modes in which a test that is written once runs on the simulated runtime.

use crate::explore::{Explore, Explored};
use crate::faults::Faults;
use crate::policy::Schedule;
use crate::report::Failure;
use crate::runtime::Sim;
use crate::sim::Builder;
use std::num::NonZeroU32;
use std::ops::Range;

/// A way to run a test: which schedule, and whether things go wrong.
///
/// What the test macro of `backstay::testing` makes a test of, each with a number of seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Random schedules, nothing goes wrong.
    Random,
    /// Random schedules with [`Faults::gentle`] for the first half of the seeds and [`Faults::swarm`] for the
    /// others.
    Faults,
    /// Schedules by priorities that change at a few points.
    Pct,
    /// First in, first out: what most executors do.
    Fifo,
    /// Last in, first out.
    Lifo,
}

impl Mode {
    /// Every mode.
    pub const ALL: &[Self] = &[Self::Random, Self::Faults, Self::Pct, Self::Fifo, Self::Lifo];

    /// Runs `test` in this mode with so many seeds, each twice to compare. Where only the network and the code
    /// under test take random numbers, an eighth of the seeds is enough.
    ///
    /// # Errors
    ///
    /// As [`Explore::run`].
    #[track_caller]
    pub fn run<F, Fut>(self, seeds: u64, builder: Builder, test: F) -> Result<(), Failure>
    where
        F: Fn(Sim) -> Fut + Sync,
        Fut: Future<Output = ()>,
    {
        let eighth = seeds.div_ceil(8);
        let explore = |seeds: Range<u64>, builder| Explore::seeds(seeds).builder(builder).run(&test);
        let explored = match self {
            Self::Random => explore(0..seeds, builder.schedule(Schedule::Random)),
            Self::Faults => {
                let half = seeds.div_ceil(2);
                explore(0..half, builder.clone().faults(Faults::gentle()))
                    .and_then(|_| explore(half..seeds, builder.faults(Faults::swarm())))
            }
            Self::Pct => {
                let depth = NonZeroU32::MIN.saturating_add(2);
                explore(0..seeds.div_ceil(2), builder.schedule(Schedule::Pct { depth, polls: 200 }))
            }
            Self::Fifo => explore(0..eighth, builder.schedule(Schedule::Fifo)),
            Self::Lifo => explore(0..eighth, builder.schedule(Schedule::Lifo)),
        };
        explored.map(|_: Explored| ())
    }
}
