//! Tasks that spawn tasks, and tasks that compute.

use crate::failure::{Failure, check};
use crate::job::{Branch, ChainedSpawn, CpuFanOut, NestedSpawn};
use futures::channel::oneshot;
use tokio::task::JoinHandle;

pub(super) async fn nested(size: NestedSpawn) -> Result<(), Failure> {
    let sum = grow(size.root()).await?;
    check("the sum of the leaves' numbers", size.sum(), sum)
}

fn grow(branch: Branch) -> JoinHandle<u64> {
    tokio::spawn(async move {
        if branch.leaves == 1 {
            return branch.first;
        }
        let mut children = Vec::with_capacity(NestedSpawn::FAN_OUT as usize);
        for child in branch.children() {
            children.push(grow(child));
        }
        let mut sum = 0;
        for child in children {
            // What fails is missing in the sum.
            sum += child.await.unwrap_or_default();
        }
        sum
    })
}

pub(super) async fn chained(size: ChainedSpawn) -> Result<(), Failure> {
    let (done, last) = oneshot::channel();
    link(size.tasks, 0, done);
    let length = last.await.map_err(|_| Failure::Lost("the last task"))?;
    check("the length of the chain", size.tasks, length)
}

fn link(left: u64, length: u64, done: oneshot::Sender<u64>) {
    tokio::spawn(async move {
        if left == 1 {
            let _ = done.send(length + 1);
        } else {
            link(left - 1, length + 1, done);
        }
    });
}

pub(super) async fn cpu(size: CpuFanOut) -> Result<(), Failure> {
    let mut handles = Vec::with_capacity(size.chunks as usize);
    for number in 0..size.chunks {
        handles.push(tokio::spawn(async move { size.work(number) }));
    }
    let mut sum = 0;
    for handle in handles {
        sum += handle.await?;
    }
    check("the sum of the chunks", size.sum(), sum)
}
