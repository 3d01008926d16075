//! Tasks, messages and blocking jobs.

use crate::failure::{Failure, check};
use crate::job::{BlockingBurst, PingPong, SparseWake, Spawn, YieldStorm};
use crate::yield_now::yield_now;
use async_std::task;
use futures::StreamExt;
use futures::channel::mpsc::unbounded;

pub(super) async fn spawn(size: Spawn) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for number in 0..size.tasks {
        handles.push(task::spawn(async move { number }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await;
    }
    check("the sum of the tasks' numbers", size.tasks * (size.tasks - 1) / 2, sum)
}

pub(super) async fn yield_storm(size: YieldStorm) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for _ in 0..size.tasks {
        handles.push(task::spawn(async move {
            let mut yields = 0;
            while yields < size.yields {
                yield_now().await;
                yields += 1;
            }
            yields
        }));
    }
    let mut yields = 0;
    for handle in handles {
        yields += handle.await;
    }
    check("the yields", size.tasks * size.yields, yields)
}

pub(super) async fn ping_pong(size: PingPong) -> Result<(), Failure> {
    let (ping, mut pings) = unbounded();
    let (pong, mut pongs) = unbounded();
    let there = task::spawn(async move {
        let mut sum = 0;
        for message in 0..size.round_trips {
            ping.unbounded_send(message).map_err(|_| Failure::Lost("a ping"))?;
            sum += pongs.next().await.ok_or(Failure::Lost("a pong"))?;
        }
        Ok::<u64, Failure>(sum)
    });
    let back = task::spawn(async move {
        while let Some(message) = pings.next().await {
            pong.unbounded_send(message).map_err(|_| Failure::Lost("a pong"))?;
        }
        Ok::<(), Failure>(())
    });
    let sum = there.await?;
    back.await?;
    check("the sum of the messages", size.round_trips * (size.round_trips - 1) / 2, sum)
}

pub(super) async fn sparse_wake(size: SparseWake) -> Result<(), Failure> {
    let (answer, mut answers) = unbounded();
    let mut bells = Vec::with_capacity(size.tasks as usize);
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for number in 0..size.tasks {
        let answer = answer.clone();
        let (bell, mut rings) = unbounded();
        bells.push(bell);
        handles.push(task::spawn(async move {
            let mut woken = 0;
            while let Some(()) = rings.next().await {
                answer.unbounded_send(number).map_err(|_| Failure::Lost("an answer"))?;
                woken += 1;
            }
            Ok::<u64, Failure>(woken)
        }));
    }
    for _ in 0..size.rounds {
        for (number, bell) in (0..).zip(&bells) {
            bell.unbounded_send(()).map_err(|_| Failure::Lost("a waiting task"))?;
            let answer = answers.next().await.ok_or(Failure::Lost("an answer"))?;
            check("the task that answers", number, answer)?;
        }
    }
    drop(bells);
    let mut woken = 0;
    for handle in handles {
        woken += handle.await?;
    }
    check("the wakes", size.tasks * size.rounds, woken)
}

pub(super) async fn blocking_burst(size: BlockingBurst) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.jobs as usize);
    for number in 0..size.jobs {
        handles.push(task::spawn_blocking(move || size.work(number)));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await;
    }
    check("the sum of the jobs' numbers", size.jobs * (size.jobs - 1) / 2, sum)
}
