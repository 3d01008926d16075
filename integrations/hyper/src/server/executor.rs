//! Where the streams of an HTTP/2 connection run.

use backstay_core::Runtime;
use backstay_core::task::Shutdown;
use hyper::rt::Executor;

/// Spawns into a shutdown, as parts of work that is in progress: nothing is detached.
pub(super) struct StreamExecutor<R: Runtime>(pub(super) Shutdown<R>);

impl<R: Runtime> Clone for StreamExecutor<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R, F> Executor<F> for StreamExecutor<R>
where
    R: Runtime,
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        // Refused when the shutdown is over: then the stream is dropped, which resets it, and is counted as cut.
        drop(self.0.spawn_part(stream));
    }
}
