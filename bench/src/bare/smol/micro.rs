//! One small operation, many times.

use super::timers::timeout;
use crate::failure::{Failure, check};
use crate::job::{LONG, Micro, Operation};
use crate::yield_now::yield_now;
use futures::poll;
use smol::{Executor, Timer, unblock};
use std::future::ready;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

pub(super) async fn run(ex: Arc<Executor<'static>>, size: Micro) -> Result<(), Failure> {
    match size.operation {
        Operation::SpawnUnit => {
            for _ in 0..size.times {
                ex.spawn(async {}).await;
            }
        }
        Operation::SpawnValue => {
            for number in 0..size.times {
                check("the task's number", number, ex.spawn(async move { number }).await)?;
            }
        }
        Operation::SpawnAll => {
            let mut handles = Vec::with_capacity(size.times as usize);
            for _ in 0..size.times {
                handles.push(ex.spawn(async {}));
            }
            for handle in handles {
                handle.await;
            }
        }
        Operation::TimeoutReady => {
            for number in 0..size.times {
                let value = timeout(LONG, ready(black_box(number))).await;
                check("the value", number, value.ok_or(Failure::Lost("a value"))?)?;
            }
        }
        Operation::TimeoutPending => {
            for _ in 0..size.times {
                timeout(LONG, yield_now()).await.ok_or(Failure::Lost("a value"))?;
            }
        }
        Operation::Sleep => {
            for _ in 0..size.times {
                let ready = poll!(pin!(Timer::after(LONG))).is_ready();
                check("a sleep ended early", 0, ready.into())?;
            }
        }
        Operation::Blocking => {
            for number in 0..size.times {
                let job = unblock(move || number);
                check("the job's number", number, job.await)?;
            }
        }
        Operation::Now => {
            for _ in 0..size.times {
                black_box(Instant::now());
            }
        }
        Operation::CloneHandle => {
            for _ in 0..size.times {
                black_box(Arc::clone(&ex));
            }
        }
    }
    Ok(())
}
