//! A runtime that was started through backstay.

use crate::failure::Failure;
use crate::sample::{Run, Sampling, sample};
use crate::workload::{Load, Workload};
use backstay::async_std::AsyncStdOwner;
use backstay::smol::SmolOwner;
use backstay::tokio::TokioOwner;
use backstay::{AnyOwner, BlockOn, Net, Runtime};
use std::sync::mpsc;

/// A runtime that was started through backstay.
pub(crate) enum Through {
    Tokio(Owned<TokioOwner>),
    Smol(Owned<SmolOwner>),
    AsyncStd(Owned<AsyncStdOwner>),
    Any(Owned<AnyOwner>),
}

pub(crate) struct Owned<O> {
    pub(crate) owner: O,
    // Nobody runs tasks unless this thread does.
    pub(crate) driven_here: bool,
}

impl<O: BlockOn<Runtime: Net>> Owned<O> {
    pub(crate) fn run<W: Workload>(
        &self,
        workload: &W,
        load: Load,
        sampling: Sampling,
    ) -> Result<Vec<Run>, Failure> {
        let rt = self.owner.runtime();
        let (done, outcome) = mpsc::channel();
        let task = rt.spawn({
            let (rt, workload) = (rt.clone(), workload.clone());
            async move {
                // An error is a receiver that has gone, which can't be while this is awaited.
                let _ = done.send(sample(sampling, || workload.run(rt.clone(), load)).await);
            }
        });
        if self.driven_here {
            self.owner.block_on(task)?;
        }
        let runs = outcome.recv().unwrap_or(Err(Failure::Lost("the work")))?;
        let erased = |run: Run<W::Measured>| Run { taken: run.taken, outcome: run.outcome.into() };
        Ok(runs.into_iter().map(erased).collect())
    }
}
