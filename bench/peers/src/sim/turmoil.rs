//! turmoil: a tokio runtime with its clock paused for each host, here one, and a network between them.
//!
//! Its tasks and timers are tokio's, so the work is what it is there. The simulation goes on in ticks of its own,
//! a millisecond each unless told otherwise, also where nothing happens in one. Its seed is the network's.

use crate::sim::job::Job;
use crate::sim::tokio_paused::{measured, pending_timers, ping_pong, scenario, sleeps, yields};
use crate::sim::{Answer, Run};
use crate::stopwatch::Stopwatch;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use turmoil::{Builder, Sim};

/// Longer than any job; the default is ten seconds.
const LONG: Duration = Duration::from_secs(1_000_000);

pub(super) fn run(job: Job) -> Run {
    match job {
        Job::Yields(size) => in_task(yields(size)),
        Job::Sleeps(size) => in_task(sleeps(size)),
        Job::PingPong(size) => in_task(ping_pong(size)),
        Job::Timers { timers, rounds } => in_task(pending_timers(timers, rounds)),
        Job::Scenario { runs } => {
            let watch = Stopwatch::start();
            let answer = Answer::total((0..runs).map(|seed| block_on(fresh(seed), scenario())));
            Run { took: watch.read(), answer }
        }
        Job::Creation { runs } => {
            let watch = Stopwatch::start();
            for seed in 0..runs {
                // A host is where a runtime is.
                fresh(seed).client("host", async { Ok(()) });
            }
            Run { took: watch.read(), answer: Answer { sum: runs, elapsed: Duration::ZERO } }
        }
    }
}

fn fresh(seed: u64) -> Sim<'static> {
    Builder::new().rng_seed(seed).simulation_duration(LONG).build()
}

fn block_on<F>(mut sim: Sim<'static>, work: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let output = Rc::new(Cell::new(None));
    let slot = Rc::clone(&output);
    sim.client("host", async move {
        slot.set(Some(tokio::spawn(work).await?));
        Ok(())
    });
    sim.run().expect("it neither panics nor takes too long");
    output.take().expect("the simulation ends after its client")
}

fn in_task(work: impl Future<Output = Answer> + Send + 'static) -> Run {
    block_on(fresh(0), measured(work))
}
