//! Starting the runtime of a cell: by hand or through backstay.

use crate::bare;
use crate::cell::Variant;
use crate::failure::Failure;
use crate::host::{Host, Threads};
use crate::job::Job;
use crate::sample::{Sampling, sample};
use crate::workload;
use backstay::async_std::AsyncStdOwner;
use backstay::smol::SmolOwner;
use backstay::tokio::TokioOwner;
use backstay::{Backend, BlockOn, Config, Flavor, Net, Runtime};
use std::error::Error;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::mpsc;

/// The runtimes that are compared: those that run on a real clock, whatever else is compiled in.
pub const RUNTIMES: [Backend; 3] = [Backend::Tokio, Backend::Smol, Backend::AsyncStd];

/// Starts a runtime.
///
/// # Errors
///
/// Where the operating system refuses threads, and for a runtime that isn't one of the three.
pub fn start(backend: Backend, variant: Variant, threads: Threads) -> Result<Box<dyn Host>, Failure> {
    let config = match threads {
        Threads::Workers(workers) => Config::new().worker_threads(workers),
        Threads::Current if backend == Backend::AsyncStd => Config::new().worker_threads(NonZeroUsize::MIN),
        Threads::Current => Config::new().flavor(Flavor::CurrentThread),
    };
    let driven_here = config.flavor == Flavor::CurrentThread;
    Ok(match (variant, backend) {
        (Variant::Bare, Backend::Tokio) => Box::new(bare::tokio::start(threads)?),
        (Variant::Bare, Backend::Smol) => Box::new(bare::smol::start(threads)?),
        (Variant::Bare, Backend::AsyncStd) => Box::new(bare::async_std::start()),
        (Variant::Backstay, Backend::Tokio) => {
            Box::new(Owned { owner: TokioOwner::new(config)?, driven_here })
        }
        (Variant::Backstay, Backend::Smol) => Box::new(Owned { owner: SmolOwner::new(config)?, driven_here }),
        (Variant::Backstay, Backend::AsyncStd) => {
            Box::new(Owned { owner: AsyncStdOwner::new(config)?, driven_here })
        }
        (Variant::Any, backend) => Box::new(Owned { owner: backend.start(config)?, driven_here }),
        (_, backend) => return Err(Failure::Start(Box::new(NotCompared(backend)))),
    })
}

/// A runtime through backstay, erased or not.
struct Owned<O> {
    owner: O,
    // Nobody runs tasks unless this thread does.
    driven_here: bool,
}

impl<O: BlockOn<Runtime: Net>> Host for Owned<O> {
    fn run(&self, job: Job, sampling: Sampling) -> Result<Vec<u64>, Failure> {
        let rt = self.owner.runtime();
        let (done, outcome) = mpsc::channel();
        let task = rt.spawn({
            let rt = rt.clone();
            async move {
                // An error is a receiver that has gone, which can't be while this is awaited.
                let _ = done.send(sample(sampling, || workload::run(rt.clone(), job)).await);
            }
        });
        if self.driven_here {
            self.owner.block_on(task)?;
        }
        outcome.recv().unwrap_or(Err(Failure::Lost("the work")))
    }
}

/// [`Backend`] has a runtime that this package doesn't compare.
#[derive(Debug)]
struct NotCompared(Backend);

impl fmt::Display for NotCompared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no bare counterpart here", self.0)
    }
}

impl Error for NotCompared {}
