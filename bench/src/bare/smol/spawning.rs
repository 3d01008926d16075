//! Tasks that spawn tasks, and tasks that compute.

use crate::failure::{Failure, check};
use crate::job::{Branch, ChainedSpawn, CpuFanOut, NestedSpawn};
use futures::channel::oneshot;
use smol::{Executor, Task};
use std::sync::Arc;

pub(super) async fn nested(ex: Arc<Executor<'static>>, size: NestedSpawn) -> Result<(), Failure> {
    let sum = grow(ex, size.root()).await;
    check("the sum of the leaves' numbers", size.sum(), sum)
}

fn grow(ex: Arc<Executor<'static>>, branch: Branch) -> Task<u64> {
    Arc::clone(&ex).spawn(async move {
        if branch.leaves == 1 {
            return branch.first;
        }
        let mut children = Vec::with_capacity(NestedSpawn::FAN_OUT as usize);
        for child in branch.children() {
            children.push(grow(Arc::clone(&ex), child));
        }
        let mut sum = 0;
        for child in children {
            sum += child.await;
        }
        sum
    })
}

pub(super) async fn chained(ex: Arc<Executor<'static>>, size: ChainedSpawn) -> Result<(), Failure> {
    let (done, last) = oneshot::channel();
    link(ex, size.tasks, 0, done);
    let length = last.await.map_err(|_| Failure::Lost("the last task"))?;
    check("the length of the chain", size.tasks, length)
}

fn link(ex: Arc<Executor<'static>>, left: u64, length: u64, done: oneshot::Sender<u64>) {
    let next = Arc::clone(&ex);
    let task = ex.spawn(async move {
        if left == 1 {
            let _ = done.send(length + 1);
        } else {
            link(next, left - 1, length + 1, done);
        }
    });
    task.detach();
}

pub(super) async fn cpu(ex: Arc<Executor<'static>>, size: CpuFanOut) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.chunks as usize);
    for number in 0..size.chunks {
        handles.push(ex.spawn(async move { size.work(number) }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await;
    }
    check("the sum of the chunks", size.sum(), sum)
}
