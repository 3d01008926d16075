//! tokio's current-thread runtime with its clock paused: it moves on when nothing else is left to do.
//!
//! No seed: the order of its tasks is that of their wakes.

use crate::sim::job::{self, ACTORS, Job, PingPong, Sleeps, Yields};
use crate::sim::pending::Timers;
use crate::sim::yield_now::yield_now;
use crate::sim::{Answer, Run};
use crate::stopwatch::Stopwatch;
use futures::StreamExt;
use futures::channel::mpsc::unbounded;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep};

const MILLISECOND: Duration = Duration::from_millis(1);

pub(super) fn run(job: Job) -> Run {
    match job {
        Job::Yields(size) => in_task(yields(size)),
        Job::Sleeps(size) => in_task(sleeps(size)),
        Job::PingPong(size) => in_task(ping_pong(size)),
        Job::Timers { timers, rounds } => in_task(pending_timers(timers, rounds)),
        Job::Scenario { runs } => {
            let watch = Stopwatch::start();
            let answers = (0..runs).map(|_| block_on(&fresh(), scenario()));
            let answer = Answer::total(answers);
            Run { took: watch.read(), answer }
        }
        Job::Creation { runs } => {
            let watch = Stopwatch::start();
            (0..runs).for_each(|_| drop(fresh()));
            Run { took: watch.read(), answer: Answer { sum: runs, elapsed: Duration::ZERO } }
        }
    }
}

fn fresh() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("it needs no more than memory")
}

fn block_on<F>(runtime: &Runtime, work: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    runtime.block_on(async { tokio::spawn(work).await.expect("it does not panic") })
}

fn in_task(work: impl Future<Output = Answer> + Send + 'static) -> Run {
    block_on(&fresh(), measured(work))
}

/// Measured from inside the task, so that neither the runtime's start nor its end counts.
pub(super) async fn measured(work: impl Future<Output = Answer>) -> Run {
    let watch = Stopwatch::start();
    let answer = work.await;
    Run { took: watch.read(), answer }
}

pub(super) async fn yields(size: Yields) -> Answer {
    let begin = Instant::now();
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for _ in 0..size.tasks {
        handles.push(tokio::spawn(async move {
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

pub(super) async fn sleeps(size: Sleeps) -> Answer {
    let begin = Instant::now();
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for task in 0..size.tasks {
        handles.push(tokio::spawn(async move {
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

pub(super) async fn ping_pong(size: PingPong) -> Answer {
    let begin = Instant::now();
    let (ping, mut pings) = unbounded();
    let (pong, mut pongs) = unbounded();
    let there = tokio::spawn(async move {
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
    let back = tokio::spawn(async move {
        while let Some(message) = pings.next().await {
            pong.unbounded_send(message).expect("the other task listens");
        }
    });
    let sum = there.await.expect("it does not panic");
    back.await.expect("it does not panic");
    Answer { sum, elapsed: begin.elapsed() }
}

pub(super) async fn scenario() -> Answer {
    let begin = Instant::now();
    let mut handles = Vec::with_capacity(ACTORS as usize);
    for actor in 0..ACTORS {
        handles.push(tokio::spawn(async move {
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

pub(super) async fn pending_timers(timers: u64, rounds: u64) -> Answer {
    let begin = Instant::now();
    let mut sum = 0;
    for _ in 0..rounds {
        // With its budget spent, a task's next sleeps are pending without being registered.
        let pending = unconstrained(Timers::register(timers, sleep)).await;
        sum += pending.all().await;
    }
    Answer { sum, elapsed: begin.elapsed() }
}
