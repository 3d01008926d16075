//! backstay-sim: an executor that draws the next task from a seeded stream, and timers in a heap.
//!
//! With its limits lifted, which are there to find a livelock: these jobs are one. All else is at its default: the
//! random schedule, no faults, and a trace of every poll.

use crate::sim::job::{self, ACTORS, Job, PingPong, Sleeps, Yields};
use crate::sim::pending::Timers;
use crate::sim::yield_now::yield_now;
use crate::sim::{Answer, Run};
use crate::stopwatch::Stopwatch;
use backstay_core::Runtime;
use backstay_sim::{Builder, Sim};
use futures::StreamExt;
use futures::channel::mpsc::unbounded;
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);

pub(super) fn run(job: Job) -> Run {
    with(job, seeded)
}

/// Without the trace, to see what that costs.
pub(super) fn run_untraced(job: Job) -> Run {
    with(job, |seed| seeded(seed).trace(false))
}

fn seeded(seed: u64) -> Builder {
    Sim::builder().seed(seed).livelock_after(u64::MAX).max_polls(u64::MAX)
}

fn with(job: Job, fresh: fn(u64) -> Builder) -> Run {
    match job {
        Job::Yields(size) => in_task(fresh(0), |rt| yields(rt, size)),
        Job::Sleeps(size) => in_task(fresh(0), |rt| sleeps(rt, size)),
        Job::PingPong(size) => in_task(fresh(0), |rt| ping_pong(rt, size)),
        Job::Timers { timers, rounds } => in_task(fresh(0), |rt| pending_timers(rt, timers, rounds)),
        Job::Scenario { runs } => {
            let watch = Stopwatch::start();
            let answer = Answer::total((0..runs).map(|seed| block_on(fresh(seed), scenario)));
            Run { took: watch.read(), answer }
        }
        Job::Creation { runs } => {
            let watch = Stopwatch::start();
            (0..runs).for_each(|seed| drop(fresh(seed).build().expect("there are no faults to be wrong")));
            Run { took: watch.read(), answer: Answer { sum: runs, elapsed: Duration::ZERO } }
        }
    }
}

fn block_on<F>(builder: Builder, work: impl FnOnce(Sim) -> F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let spawned = |rt: Sim| {
        let task = rt.spawn(work(rt.clone()));
        async { task.await.expect("it does not panic") }
    };
    builder.run(spawned).expect("it ends and leaves nothing over").value
}

fn in_task<F>(builder: Builder, work: impl FnOnce(Sim) -> F) -> Run
where
    F: Future<Output = Answer> + Send + 'static,
{
    block_on(builder, |rt| {
        let work = work(rt);
        async {
            let watch = Stopwatch::start();
            let answer = work.await;
            Run { took: watch.read(), answer }
        }
    })
}

async fn yields(rt: Sim, size: Yields) -> Answer {
    let begin = rt.now();
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for _ in 0..size.tasks {
        handles.push(rt.spawn({
            let rt = rt.clone();
            async move {
                let mut yields = 0;
                while yields < size.yields {
                    yield_now().await;
                    yields += 1;
                    if yields % size.at_once == 0 {
                        rt.sleep(MILLISECOND).await;
                    }
                }
                yields
            }
        }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("it does not panic");
    }
    Answer { sum, elapsed: rt.now() - begin }
}

async fn sleeps(rt: Sim, size: Sleeps) -> Answer {
    let begin = rt.now();
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for task in 0..size.tasks {
        handles.push(rt.spawn({
            let rt = rt.clone();
            async move {
                for number in 0..size.sleeps {
                    rt.sleep(size.sleep(task, number)).await;
                }
                size.sleeps
            }
        }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("it does not panic");
    }
    Answer { sum, elapsed: rt.now() - begin }
}

async fn ping_pong(rt: Sim, size: PingPong) -> Answer {
    let begin = rt.now();
    let (ping, mut pings) = unbounded();
    let (pong, mut pongs) = unbounded();
    let there = rt.spawn({
        let rt = rt.clone();
        async move {
            let mut sum = 0;
            for message in 0..size.round_trips {
                ping.unbounded_send(message).expect("the other task listens");
                sum += pongs.next().await.expect("the other task answers");
                if (message + 1) % size.at_once == 0 {
                    rt.sleep(MILLISECOND).await;
                }
            }
            sum
        }
    });
    let back = rt.spawn(async move {
        while let Some(message) = pings.next().await {
            pong.unbounded_send(message).expect("the other task listens");
        }
    });
    let sum = there.await.expect("it does not panic");
    back.await.expect("it does not panic");
    Answer { sum, elapsed: rt.now() - begin }
}

async fn scenario(rt: Sim) -> Answer {
    let begin = rt.now();
    let mut handles = Vec::with_capacity(ACTORS as usize);
    for actor in 0..ACTORS {
        handles.push(rt.spawn({
            let rt = rt.clone();
            async move {
                rt.sleep(job::actor_sleeps(actor)).await;
                let mut polls = 2;
                for _ in 0..job::actor_yields(actor) {
                    yield_now().await;
                    polls += 1;
                }
                polls
            }
        }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await.expect("it does not panic");
    }
    Answer { sum, elapsed: rt.now() - begin }
}

async fn pending_timers(rt: Sim, timers: u64, rounds: u64) -> Answer {
    let begin = rt.now();
    let mut sum = 0;
    for _ in 0..rounds {
        sum += Timers::register(timers, |duration| rt.sleep(duration)).await.all().await;
    }
    Answer { sum, elapsed: rt.now() - begin }
}
