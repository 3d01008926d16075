//! Tasks that want the same thing at the same time.

use crate::failure::{Failure, check};
use crate::job::{Contention, Holders};
use crate::yield_now::yield_now;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

pub(super) async fn mutex(size: Contention) -> Result<(), Failure> {
    let mutex = Arc::new(Mutex::new(0));
    // Nobody has a turn before all are there.
    let held = mutex.lock().await;
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for _ in 0..size.tasks {
        let mutex = Arc::clone(&mutex);
        handles.push(tokio::spawn(async move {
            for turn in 0..size.turns {
                let mut count = mutex.lock().await;
                let before = *count;
                if Contention::yields(turn) {
                    yield_now().await;
                }
                *count = before + 1;
            }
        }));
    }
    drop(held);
    for handle in handles {
        handle.await?;
    }
    let count = *mutex.lock().await;
    check("the turns", size.total(), count)
}

pub(super) async fn semaphore(size: Contention) -> Result<(), Failure> {
    let semaphore = Arc::new(Semaphore::new(size.permits as usize));
    let holders = Arc::new(Holders::default());
    let lost = |_| Failure::Lost("a permit");
    // Nobody has a turn before all are there.
    let held = semaphore.acquire_many(size.permits).await.map_err(lost)?;
    let mut handles = Vec::with_capacity(size.tasks as usize);
    for _ in 0..size.tasks {
        let (semaphore, holders) = (Arc::clone(&semaphore), Arc::clone(&holders));
        handles.push(tokio::spawn(async move {
            let mut turns = 0;
            for turn in 0..size.turns {
                let permit = semaphore.acquire().await.map_err(lost)?;
                holders.enter(size)?;
                if Contention::yields(turn) {
                    yield_now().await;
                }
                holders.leave();
                drop(permit);
                turns += 1;
            }
            Ok::<u64, Failure>(turns)
        }));
    }
    drop(held);
    let mut turns = 0;
    for handle in handles {
        turns += handle.await??;
    }
    check("the turns", size.total(), turns)
}
