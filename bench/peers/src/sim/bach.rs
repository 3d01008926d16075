//! bach: an executor that polls what is ready in order, and timers in a wheel of nanoseconds.
//!
//! No seed in this configuration: the order of its tasks is that of their wakes. Its feature `coop` explores
//! orders, of the uses of its own queues.

use crate::sim::job::{self, ACTORS, Job, PingPong, Sleeps, Yields};
use crate::sim::pending::Timers;
use crate::sim::yield_now::yield_now;
use crate::sim::{Answer, Run};
use crate::stopwatch::Stopwatch;
use bach::environment::default::Runtime;
use bach::spawn;
use bach::time::{Instant, sleep};
use futures::StreamExt;
use futures::channel::mpsc::unbounded;
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);

pub(super) fn run(job: Job) -> Run {
    match job {
        Job::Yields(size) => in_task(move || yields(size)),
        Job::Sleeps(size) => in_task(move || sleeps(size)),
        Job::PingPong(size) => in_task(move || ping_pong(size)),
        Job::Timers { timers, rounds } => in_task(move || pending_timers(timers, rounds)),
        Job::Scenario { runs } => {
            let watch = Stopwatch::start();
            let answer = Answer::total((0..runs).map(|_| Runtime::new().block_on(scenario())));
            Run { took: watch.read(), answer }
        }
        Job::Creation { runs } => {
            let watch = Stopwatch::start();
            (0..runs).for_each(|_| drop(Runtime::new()));
            Run { took: watch.read(), answer: Answer { sum: runs, elapsed: Duration::ZERO } }
        }
    }
}

/// `block_on` spawns its future as a task.
fn in_task<F: Future<Output = Answer> + 'static>(work: impl FnOnce() -> F + 'static) -> Run {
    Runtime::new().block_on(async move {
        let watch = Stopwatch::start();
        let answer = work().await;
        Run { took: watch.read(), answer }
    })
}

async fn yields(size: Yields) -> Answer {
    let begin = Instant::now();
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for _ in 0..size.tasks {
        handles.push(spawn(async move {
            let mut yields = 0;
            while yields < size.yields {
                yield_now().await;
                yields += 1;
                if yields % size.at_once == 0 {
                    sleep(MILLISECOND).await;
                }
            }
            yields
        }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("it does not panic");
    }
    Answer { sum, elapsed: begin.elapsed() }
}

async fn sleeps(size: Sleeps) -> Answer {
    let begin = Instant::now();
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for task in 0..size.tasks {
        handles.push(spawn(async move {
            for number in 0..size.sleeps {
                sleep(size.sleep(task, number)).await;
            }
            size.sleeps
        }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("it does not panic");
    }
    Answer { sum, elapsed: begin.elapsed() }
}

async fn ping_pong(size: PingPong) -> Answer {
    let begin = Instant::now();
    let (ping, mut pings) = unbounded();
    let (pong, mut pongs) = unbounded();
    let there = spawn(async move {
        let mut sum = 0;
        for message in 0..size.round_trips {
            ping.unbounded_send(message).expect("the other task listens");
            sum += pongs.next().await.expect("the other task answers");
            if (message + 1) % size.at_once == 0 {
                sleep(MILLISECOND).await;
            }
        }
        sum
    });
    let back = spawn(async move {
        while let Some(message) = pings.next().await {
            pong.unbounded_send(message).expect("the other task listens");
        }
    });
    let sum = there.await.expect("it does not panic");
    back.await.expect("it does not panic");
    Answer { sum, elapsed: begin.elapsed() }
}

async fn scenario() -> Answer {
    let begin = Instant::now();
    let mut handles = Vec::with_capacity(ACTORS as usize);
    for actor in 0..ACTORS {
        handles.push(spawn(async move {
            sleep(job::actor_sleeps(actor)).await;
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
    Answer { sum, elapsed: begin.elapsed() }
}

async fn pending_timers(timers: u64, rounds: u64) -> Answer {
    let begin = Instant::now();
    let mut sum = 0;
    for _ in 0..rounds {
        sum += Timers::register(timers, sleep).await.all().await;
    }
    Answer { sum, elapsed: begin.elapsed() }
}
