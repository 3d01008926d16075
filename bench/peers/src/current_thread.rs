//! tokio's current-thread runtime, for those that spawn.

use backstay_tokio::Tokio;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: Runtime =
        Builder::new_current_thread().enable_time().build().expect("it needs no more than memory");
}

/// Runs it on the runtime of this thread, which is made at the first call.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| runtime.block_on(work))
}

/// Does something in its context, where what has timers can be made.
pub(crate) fn enter<T>(work: impl FnOnce() -> T) -> T {
    RUNTIME.with(|runtime| {
        let _context = runtime.enter();
        work()
    })
}

/// The same runtime, for ours: to be called from what it runs.
pub(crate) fn backstay() -> Tokio {
    Tokio::current()
}
