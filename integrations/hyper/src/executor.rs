//! Spawning.

use backstay_core::{JoinHandle, Runtime};
use hyper::rt::Executor;

/// Spawns hyper's background work on a runtime; the tasks are detached, as hyper asks.
#[derive(Clone, Debug)]
pub struct HyperExecutor<R> {
    rt: R,
}

impl<R: Runtime> HyperExecutor<R> {
    /// An executor on `rt`.
    pub const fn new(rt: R) -> Self {
        Self { rt }
    }
}

impl<R, F> Executor<F> for HyperExecutor<R>
where
    R: Runtime,
    F: Future<Output: Send + 'static> + Send + 'static,
{
    #[track_caller]
    fn execute(&self, future: F) {
        self.rt.spawn(future).detach();
    }
}
