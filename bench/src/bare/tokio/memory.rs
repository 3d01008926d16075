//! What memory tasks take.

use crate::event::Event;
use crate::failure::{Failure, check};
use crate::job::{LONG, MemoryIdle, MemorySleeping};
use crate::memory::{grown, resident};
use crate::yield_now::yield_now;
use futures::poll;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::task::JoinHandle;
use tokio::time::sleep;

pub(super) async fn idle(size: MemoryIdle) -> Result<f64, Failure> {
    tokio::spawn(async {}).await?;
    let event = Event::new(size.tasks);
    let mut handles: Vec<_> = (0..size.tasks).map(|_| None).collect();
    let before = resident()?;
    for handle in &mut handles {
        *handle = Some(tokio::spawn(event.wait()));
    }
    while event.waiting() < size.tasks {
        yield_now().await;
    }
    let bytes = grown(before, size.tasks)?;
    event.open();
    let mut woken = 0;
    for handle in handles.into_iter().flatten() {
        woken += handle.await?;
    }
    check("the tasks that waited", size.tasks, woken)?;
    Ok(bytes)
}

pub(super) async fn sleeping(size: MemorySleeping) -> Result<f64, Failure> {
    tokio::spawn(async {}).await?;
    let asleep = Arc::new(AtomicU64::new(0));
    let mut handles: Vec<_> = (0..size.tasks).map(|_| None).collect();
    let before = resident()?;
    for handle in &mut handles {
        let asleep = Arc::clone(&asleep);
        *handle = Some(tokio::spawn(async move {
            let mut sleep = pin!(sleep(LONG));
            asleep.fetch_add(poll!(sleep.as_mut()).is_pending().into(), Relaxed);
            sleep.await;
        }));
    }
    while asleep.load(Relaxed) < size.tasks {
        yield_now().await;
    }
    let bytes = grown(before, size.tasks)?;
    handles.iter().flatten().for_each(JoinHandle::abort);
    let mut aborted = 0;
    for handle in handles.into_iter().flatten() {
        aborted += u64::from(handle.await.is_err_and(|error| error.is_cancelled()));
    }
    check("the tasks that slept until they were aborted", size.tasks, aborted)?;
    Ok(bytes)
}
