//! Starting the runtime of a cell: by hand or through backstay.

use crate::bare;
use crate::begun;
use crate::cell::Variant;
use crate::failure::Failure;
use crate::host::{Host, Started, Threads};
use crate::through::{Owned, Through};
use backstay::async_std::AsyncStdOwner;
use backstay::smol::SmolOwner;
use backstay::tokio::TokioOwner;
use backstay::{Backend, Config, Flavor};
use std::error::Error;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;

/// The runtimes that are compared: those that run on a real clock, whatever else is compiled in.
pub const RUNTIMES: [Backend; 3] = [Backend::Tokio, Backend::Smol, Backend::AsyncStd];

/// Starts a runtime.
///
/// # Errors
///
/// Where the operating system refuses threads, and for a runtime that isn't one of the three.
pub fn start(backend: Backend, variant: Variant, threads: Threads) -> Result<Host, Failure> {
    begun::begin();
    if !RUNTIMES.contains(&backend) {
        return Err(Failure::Start(Box::new(NotCompared(backend))));
    }
    Ok(Host(match variant {
        Variant::Bare => Started::Bare(match backend {
            Backend::Tokio => Box::new(bare::tokio::start(threads).map_err(refused)?),
            Backend::Smol => Box::new(bare::smol::start(threads).map_err(refused)?),
            _ => Box::new(bare::async_std::start()),
        }),
        Variant::Backstay | Variant::Any => Started::Through(through(backend, variant, threads)?),
    }))
}

/// It is no socket's error.
fn refused(error: io::Error) -> Failure {
    Failure::Start(Box::new(error))
}

fn through(backend: Backend, variant: Variant, threads: Threads) -> Result<Through, Failure> {
    let config = match threads {
        Threads::Workers(workers) => Config::new().worker_threads(workers),
        Threads::Current if backend == Backend::AsyncStd => Config::new().worker_threads(NonZeroUsize::MIN),
        Threads::Current => Config::new().flavor(Flavor::CurrentThread),
    };
    let driven_here = config.flavor == Flavor::CurrentThread;
    Ok(match (variant, backend) {
        (Variant::Any, backend) => Through::Any(Owned { owner: backend.start(config)?, driven_here }),
        (_, Backend::Tokio) => Through::Tokio(Owned { owner: TokioOwner::new(config)?, driven_here }),
        (_, Backend::Smol) => Through::Smol(Owned { owner: SmolOwner::new(config)?, driven_here }),
        _ => Through::AsyncStd(Owned { owner: AsyncStdOwner::new(config)?, driven_here }),
    })
}

/// [`Backend`] has a runtime that this package doesn't compare.
#[derive(Debug)]
pub(crate) struct NotCompared(pub(crate) Backend);

impl fmt::Display for NotCompared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not compared: it runs on no real clock", self.0)
    }
}

impl Error for NotCompared {}
