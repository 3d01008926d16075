//! The modes in which a test that is written once runs on the simulated runtime.

use crate::explore::{Asked, Explore, Explored};
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

    /// Runs `test` in this mode, each run twice to compare: with so many seeds; PCT with half of them; FIFO and LIFO,
    /// where only faults, the network and the code under test take random numbers, with an eighth.
    ///
    /// Marks of [`sometimes!`](backstay_core::sometimes) must be true in some run with random schedules; the other
    /// modes are too few or too much alike to ask that of them.
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
        let explore =
            |seeds: Range<u64>, builder| Explore::seeds(seeds).builder(builder).allow_unreached().run(&test);
        let explored = match self {
            Self::Random => Explore::seeds(0..seeds).builder(builder.schedule(Schedule::Random)).run(&test),
            Self::Faults => {
                let half = seeds.div_ceil(2);
                let gentle = |seeds| explore(seeds, builder.clone().faults(Faults::gentle()));
                let swarm = |seeds| explore(seeds, builder.clone().faults(Faults::swarm()));
                // Where one run is asked for, it is that of its own half.
                match Asked::from_environment() {
                    Ok(Some(asked)) if asked.seed < half => gentle(0..half),
                    Ok(Some(_)) => swarm(half..half + 1),
                    _ if half == seeds => gentle(0..half),
                    _ => gentle(0..half).and_then(|_| swarm(half..seeds)),
                }
            }
            Self::Pct => {
                let depth = NonZeroU32::MIN.saturating_add(2);
                explore(0..seeds.div_ceil(2), builder.schedule(Schedule::Pct { depth, polls: 200 }))
            }
            Self::Fifo => explore(0..seeds.div_ceil(8), builder.schedule(Schedule::Fifo)),
            Self::Lifo => explore(0..seeds.div_ceil(8), builder.schedule(Schedule::Lifo)),
        };
        explored.map(|_: Explored| ())
    }
}
