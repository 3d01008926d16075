//! One small operation, many times.

use crate::failure::{Failure, check};
use crate::job::{LONG, Micro, Operation};
use backstay::{Net, Runtime};
use futures::poll;
use std::future::ready;
use std::hint::black_box;
use std::pin::pin;

pub(super) async fn run<R: Runtime + Net>(rt: R, size: Micro) -> Result<(), Failure> {
    match size.operation {
        Operation::SpawnUnit => {
            for _ in 0..size.times {
                rt.spawn(async {}).await?;
            }
        }
        Operation::SpawnValue => {
            for number in 0..size.times {
                check("the task's number", number, rt.spawn(async move { number }).await?)?;
            }
        }
        Operation::SpawnAll => {
            let mut handles = Vec::with_capacity(size.times as usize);
            for _ in 0..size.times {
                handles.push(rt.spawn(async {}));
            }
            for handle in handles {
                handle.await?;
            }
        }
        Operation::TimeoutReady => {
            for number in 0..size.times {
                let value = rt.timeout(LONG, ready(black_box(number))).await;
                check("the value", number, value.map_err(|_| Failure::Lost("a value"))?)?;
            }
        }
        Operation::TimeoutPending => {
            for _ in 0..size.times {
                rt.timeout(LONG, rt.yield_now()).await.map_err(|_| Failure::Lost("a value"))?;
            }
        }
        Operation::Sleep => {
            for _ in 0..size.times {
                let ready = poll!(pin!(rt.sleep(LONG))).is_ready();
                check("a sleep ended early", 0, ready.into())?;
            }
        }
        Operation::Blocking => {
            for number in 0..size.times {
                check("the job's number", number, rt.spawn_blocking(move || number).await?)?;
            }
        }
        Operation::Now => {
            for _ in 0..size.times {
                black_box(rt.now());
            }
        }
        Operation::CloneHandle => {
            for _ in 0..size.times {
                black_box(rt.clone());
            }
        }
    }
    Ok(())
}
