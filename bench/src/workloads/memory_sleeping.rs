//! What a task that sleeps takes.

use crate::failure::{Failure, check};
use crate::job::{self, Job, LONG};
use crate::memory::{grown, resident};
use crate::size::grouped;
use crate::workload::{Load, Quantity, Workload};
use backstay::{JoinHandle, Net, Runtime};
use futures::poll;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// `size` tasks in a sleep of an hour, and the memory that each takes when all of them are; then they are aborted.
///
/// The sleep is part of the task's future, the timer's entry part of the memory. Counted as for
/// [`MemoryIdle`](super::MemoryIdle).
#[derive(Clone, Copy, Debug)]
pub struct MemorySleeping;

impl Workload for MemorySleeping {
    type Measured = Quantity;

    fn name(&self) -> &'static str {
        "memory-sleeping"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks sleep for an hour, and are aborted", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "bytes per sleeping task"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![10_000]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![100_000, 1_000_000]
    }

    fn smallest(&self) -> u64 {
        10
    }

    /// A second run would find the memory of the first.
    fn warm_up(&self, _: Load) -> u32 {
        0
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Some(load.size())
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::MemorySleeping(job::MemorySleeping { tasks: load.size() }))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Quantity, Failure> {
        rt.spawn(async {}).await?;
        let asleep = Arc::new(AtomicU64::new(0));
        let mut handles: Vec<_> = (0..load.size()).map(|_| None).collect();
        let before = resident()?;
        for handle in &mut handles {
            let (task, asleep) = (rt.clone(), Arc::clone(&asleep));
            *handle = Some(rt.spawn(async move {
                let mut sleep = pin!(task.sleep(LONG));
                asleep.fetch_add(poll!(sleep.as_mut()).is_pending().into(), Relaxed);
                sleep.await;
            }));
        }
        while asleep.load(Relaxed) < load.size() {
            rt.yield_now().await;
        }
        let bytes = grown(before, load.size())?;
        handles.iter().flatten().for_each(JoinHandle::abort);
        let mut aborted = 0;
        for handle in handles.into_iter().flatten() {
            aborted += u64::from(handle.await.is_err_and(|error| error.is_aborted()));
        }
        check("the tasks that slept until they were aborted", load.size(), aborted)?;
        Ok(Quantity(bytes))
    }
}
