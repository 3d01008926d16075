//! Items worked on concurrently: order, limits, and bodies that await beside what is in flight.

mod for_each;
mod map;
mod model;
mod spawned;
mod sweeps;

use crate::kit::ms;
use backstay::testing::{Completed, Failure, Faults, Sim};
use backstay_core::{Limit, Runtime};
use std::time::Duration;

fn limit(limit: usize) -> Limit {
    Limit::new(limit).expect("not zero")
}

/// How long a scenario takes, on several schedules; the same on each.
fn time_of(scenario: impl AsyncFn(&Sim)) -> Result<Duration, Failure> {
    let mut times = Vec::new();
    for seed in 0..8 {
        let scenario = &scenario;
        let run: Completed<()> =
            Sim::builder().seed(seed).run(|rt: Sim| async move { scenario(&rt).await })?;
        times.push(run.elapsed);
    }
    assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
    Ok(times[0])
}

/// On several schedules, without faults and with those that are legal.
fn everywhere(scenario: impl AsyncFn(&Sim)) -> Result<(), Failure> {
    for (seed, faults) in
        (0..8).flat_map(|seed| [Faults::off(), Faults::gentle()].map(|faults| (seed, faults)))
    {
        let scenario = &scenario;
        Sim::builder().seed(seed).faults(faults).run(|rt: Sim| async move { scenario(&rt).await })?;
    }
    Ok(())
}

/// A future that takes so long, and gives its number.
fn nap(rt: &Sim, id: usize, time: u64) -> impl Future<Output = usize> + use<> {
    let sleep = rt.sleep(ms(time));
    async move {
        sleep.await;
        id
    }
}
