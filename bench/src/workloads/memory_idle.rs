//! What a task that waits takes.

use crate::event::Event;
use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::memory::{grown, resident};
use crate::size::grouped;
use crate::workload::{Load, Quantity, Workload};
use backstay::{Net, Runtime};

/// `size` tasks that wait for one event, and the memory that each takes when all of them do.
///
/// Each is a future of 24 bytes or so; the places for their wakers and handles are there before. Counted are the
/// process's resident pages, so what the runtime and the allocator keep in reserve is in it.
#[derive(Clone, Copy, Debug)]
pub struct MemoryIdle;

impl Workload for MemoryIdle {
    type Measured = Quantity;

    fn name(&self) -> &'static str {
        "memory-idle"
    }

    fn about(&self, load: Load) -> String {
        format!("{} tasks wait for one event", grouped(load.size()))
    }

    fn unit(&self) -> &'static str {
        "bytes per idle task"
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
        Some(Job::MemoryIdle(job::MemoryIdle { tasks: load.size() }))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Quantity, Failure> {
        rt.spawn(async {}).await?;
        let event = Event::new(load.size());
        let mut handles: Vec<_> = (0..load.size()).map(|_| None).collect();
        let before = resident()?;
        for handle in &mut handles {
            *handle = Some(rt.spawn(event.wait()));
        }
        while event.waiting() < load.size() {
            rt.yield_now().await;
        }
        let bytes = grown(before, load.size())?;
        event.open();
        let mut woken = 0;
        for handle in handles.into_iter().flatten() {
            woken += handle.await?;
        }
        check("the tasks that waited", load.size(), woken)?;
        Ok(Quantity(bytes))
    }
}
