//! moonpool: an executor that draws the next task from a seeded stream, and a world that is a heap of events.
//!
//! They are driven here as its runner drives them: until nothing is ready, then one event. The runner itself,
//! with its workloads, reports and invariants, is left out, and so is all chaos: both would add to its figures.

use crate::sim::job::{self, ACTORS, Job, PingPong, Sleeps, Yields};
use crate::sim::pending::Timers;
use crate::sim::yield_now::yield_now;
use crate::sim::{Answer, Run};
use crate::stopwatch::Stopwatch;
use futures::StreamExt;
use futures::channel::mpsc::unbounded;
use moonpool_sim::executor::{Executor, spawn, until_stalled};
use moonpool_sim::{NetworkConfiguration, SimTimeProvider, SimWorld, TimeProvider};
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);

pub(super) fn run(job: Job) -> Run {
    match job {
        Job::Yields(size) => in_task(move |time| yields(time, size)),
        Job::Sleeps(size) => in_task(move |time| sleeps(time, size)),
        Job::PingPong(size) => in_task(move |time| ping_pong(time, size)),
        Job::Timers { timers, rounds } => in_task(move |time| pending_timers(time, timers, rounds)),
        Job::Scenario { runs } => {
            let watch = Stopwatch::start();
            let answer = Answer::total((0..runs).map(|seed| block_on(fresh(seed), scenario)));
            Run { took: watch.read(), answer }
        }
        Job::Creation { runs } => {
            let watch = Stopwatch::start();
            (0..runs).for_each(|seed| drop(fresh(seed)));
            Run { took: watch.read(), answer: Answer { sum: runs, elapsed: Duration::ZERO } }
        }
    }
}

fn fresh(seed: u64) -> (Executor, SimWorld) {
    // Its one configuration without chaos.
    let calm = NetworkConfiguration::fast_local();
    (Executor::new(seed), SimWorld::new_with_network_config_and_seed(calm, seed))
}

fn block_on<F>(
    (mut executor, mut world): (Executor, SimWorld),
    work: impl FnOnce(SimTimeProvider) -> F,
) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let time = world.time_provider();
    executor.block_on(async move {
        let task = spawn("work", work(time));
        loop {
            until_stalled().await;
            if task.is_finished() {
                return task.await.expect("it does not panic");
            }
            world.step();
        }
    })
}

fn in_task<F>(work: impl FnOnce(SimTimeProvider) -> F) -> Run
where
    F: Future<Output = Answer> + Send + 'static,
{
    block_on(fresh(0), |time| {
        let work = work(time);
        async {
            let watch = Stopwatch::start();
            let answer = work.await;
            Run { took: watch.read(), answer }
        }
    })
}

async fn yields(time: SimTimeProvider, size: Yields) -> Answer {
    let begin = time.now();
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for _ in 0..size.tasks {
        let time = time.clone();
        handles.push(spawn("yields", async move {
            let mut yields = 0;
            while yields < size.yields {
                yield_now().await;
                yields += 1;
                if yields % size.at_once == 0 {
                    time.sleep(MILLISECOND).await.expect("the world is there");
                }
            }
            yields
        }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("it does not panic");
    }
    Answer { sum, elapsed: time.now() - begin }
}

async fn sleeps(time: SimTimeProvider, size: Sleeps) -> Answer {
    let begin = time.now();
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for task in 0..size.tasks {
        let time = time.clone();
        handles.push(spawn("sleeps", async move {
            for number in 0..size.sleeps {
                time.sleep(size.sleep(task, number)).await.expect("the world is there");
            }
            size.sleeps
        }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("it does not panic");
    }
    Answer { sum, elapsed: time.now() - begin }
}

async fn ping_pong(time: SimTimeProvider, size: PingPong) -> Answer {
    let begin = time.now();
    let (ping, mut pings) = unbounded();
    let (pong, mut pongs) = unbounded();
    let there = spawn("there", {
        let time = time.clone();
        async move {
            let mut sum = 0;
            for message in 0..size.round_trips {
                ping.unbounded_send(message).expect("the other task listens");
                sum += pongs.next().await.expect("the other task answers");
                if (message + 1) % size.at_once == 0 {
                    time.sleep(MILLISECOND).await.expect("the world is there");
                }
            }
            sum
        }
    });
    let back = spawn("back", async move {
        while let Some(message) = pings.next().await {
            pong.unbounded_send(message).expect("the other task listens");
        }
    });
    let sum = there.await.expect("it does not panic");
    back.await.expect("it does not panic");
    Answer { sum, elapsed: time.now() - begin }
}

async fn scenario(time: SimTimeProvider) -> Answer {
    let begin = time.now();
    let mut handles = Vec::with_capacity(ACTORS as usize);
    for actor in 0..ACTORS {
        let time = time.clone();
        handles.push(spawn("actor", async move {
            time.sleep(job::actor_sleeps(actor)).await.expect("the world is there");
            let mut polls = 2;
            for _ in 0..job::actor_yields(actor) {
                yield_now().await;
                polls += 1;
            }
            polls
        }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("it does not panic");
    }
    Answer { sum, elapsed: time.now() - begin }
}

async fn pending_timers(time: SimTimeProvider, timers: u64, rounds: u64) -> Answer {
    let begin = time.now();
    let mut sum = 0;
    for _ in 0..rounds {
        sum += Timers::register(timers, |duration| time.sleep(duration)).await.all().await;
    }
    Answer { sum, elapsed: time.now() - begin }
}
