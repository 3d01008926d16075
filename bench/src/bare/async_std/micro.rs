//! One small operation, many times.

use crate::failure::{Failure, check};
use crate::job::{LONG, Micro, Operation};
use crate::yield_now::yield_now;
use async_std::future::timeout;
use async_std::task::{self, sleep};
use futures::poll;
use std::future::ready;
use std::hint::black_box;
use std::pin::pin;
use std::time::Instant;

pub(super) async fn run(size: Micro) -> Result<(), Failure> {
    match size.operation {
        Operation::SpawnUnit => {
            for _ in 0..size.times {
                task::spawn(async {}).await;
            }
        }
        Operation::SpawnValue => {
            for number in 0..size.times {
                check("the task's number", number, task::spawn(async move { number }).await)?;
            }
        }
        Operation::SpawnAll => {
            let mut handles = Vec::with_capacity(size.times as usize);
            for _ in 0..size.times {
                handles.push(task::spawn(async {}));
            }
            for handle in handles {
                handle.await;
            }
        }
        Operation::TimeoutReady => {
            for number in 0..size.times {
                let value = timeout(LONG, ready(black_box(number))).await;
                check("the value", number, value.map_err(|_| Failure::Lost("a value"))?)?;
            }
        }
        Operation::TimeoutPending => {
            for _ in 0..size.times {
                timeout(LONG, yield_now()).await.map_err(|_| Failure::Lost("a value"))?;
            }
        }
        Operation::Sleep => {
            for _ in 0..size.times {
                let ready = poll!(pin!(sleep(LONG))).is_ready();
                check("a sleep ended early", 0, ready.into())?;
            }
        }
        Operation::Blocking => {
            for number in 0..size.times {
                let job = task::spawn_blocking(move || number);
                check("the job's number", number, job.await)?;
            }
        }
        Operation::Now => {
            for _ in 0..size.times {
                black_box(Instant::now());
            }
        }
        // It is one for the process, and has no handle.
        Operation::CloneHandle => {}
    }
    Ok(())
}
