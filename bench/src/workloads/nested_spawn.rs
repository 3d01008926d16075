//! A tree of tasks: each spawns its children, and awaits them.

use crate::failure::{Failure, check};
use crate::job::{self, Branch, Job};
use crate::size::grouped;
use crate::workload::{Load, Units, Workload};
use backstay::{Net, Runtime};

/// A tree of tasks with `size` leaves.
#[derive(Clone, Copy, Debug)]
pub struct NestedSpawn;

impl NestedSpawn {
    fn job(load: Load) -> job::NestedSpawn {
        job::NestedSpawn { leaves: load.size() }
    }
}

impl Workload for NestedSpawn {
    type Measured = Units;

    fn name(&self) -> &'static str {
        "nested-spawn"
    }

    fn about(&self, load: Load) -> String {
        let size = Self::job(load);
        format!(
            "a tree of {} tasks with {} leaves: each spawns up to 10 and awaits them",
            grouped(size.tasks()),
            grouped(size.leaves)
        )
    }

    fn unit(&self) -> &'static str {
        "task"
    }

    fn sizes(&self) -> Vec<u64> {
        vec![1_000]
    }

    fn large_sizes(&self) -> Vec<u64> {
        vec![10_000, 100_000]
    }

    fn smallest(&self) -> u64 {
        12
    }

    fn iterations(&self, load: Load) -> u32 {
        (30_000 / load.size()).clamp(3, 61) as u32
    }

    fn tasks(&self, load: Load) -> Option<u64> {
        Some(Self::job(load).tasks())
    }

    fn bare(&self, load: Load) -> Option<Job> {
        Some(Job::NestedSpawn(Self::job(load)))
    }

    async fn run<R: Runtime + Net>(&self, rt: R, load: Load) -> Result<Units, Failure> {
        let size = Self::job(load);
        let sum = grow(rt, size.root()).await?;
        check("the sum of the leaves' numbers", size.sum(), sum)?;
        Ok(Units(size.tasks()))
    }
}

fn grow<R: Runtime>(rt: R, branch: Branch) -> R::JoinHandle<u64> {
    rt.clone().spawn(async move {
        if branch.leaves == 1 {
            return branch.first;
        }
        let mut children = Vec::with_capacity(job::NestedSpawn::FAN_OUT as usize);
        for child in branch.children() {
            children.push(grow(rt.clone(), child));
        }
        let mut sum = 0;
        for child in children {
            // What fails is missing in the sum.
            sum += child.await.unwrap_or_default();
        }
        sum
    })
}
