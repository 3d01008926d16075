//! Many tasks wait, and one at a time is woken: what a wake costs should not depend on who else waits.

use crate::failure::{Failure, check};
use crate::job::{self, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};
use futures::StreamExt;
use futures::channel::mpsc::unbounded;

/// `size` tasks wait, and each is woken ten times, one at a time.
#[derive(Clone, Copy, Debug)]
pub struct SparseWake;

impl SparseWake {
    fn job(load: Load) -> job::SparseWake {
        job::SparseWake { tasks: load.size(), rounds: 10 }
    }
}

impl Workload for SparseWake {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "sparse-wake"
    }

    fn about(&self, load: Load) -> String {
        format!(
            "{} tasks wait, one at a time is woken, {} times in all",
            grouped(load.size()),
            grouped(load.size() * 10)
        )
    }

    fn unit(&self) -> &'static str {
        "wake and answer"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![1_000]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![10_000, 100_000]
    }

    fn smallest(&self) -> u64 {
        5
    }

    fn iterations(&self, load: Load) -> u32 {
        (15_000 / load.size()).clamp(3, 61) as u32
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Some(load.size())
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::SparseWake(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let (answer, mut answers) = unbounded();
        let mut bells = Vec::with_capacity(size.tasks as usize);
        let mut handles = Vec::with_capacity(size.tasks as usize);
        for number in 0..size.tasks {
            let answer = answer.clone();
            let (bell, mut rings) = unbounded();
            bells.push(bell);
            handles.push(rt.spawn(async move {
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
            woken += handle.await??;
        }
        check("the wakes", size.tasks * size.rounds, woken)?;
        Ok(Units(size.tasks * size.rounds))
    }
}
