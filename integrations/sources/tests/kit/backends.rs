//! Every real runtime: what waits for threads has no place on a simulated one.

use backstay::{AnyRuntime, Backend, BlockOn, Config, Runtime};
use std::time::Duration;

/// Runs a test on each; one that takes a minute hangs.
pub(crate) fn on_every_backend<F: Future<Output = ()>>(test: impl Fn(AnyRuntime) -> F) {
    for backend in ["tokio", "smol", "async-std"] {
        let owner = backend.parse::<Backend>().expect("a backend").start(Config::new()).expect("it starts");
        let rt = owner.runtime().clone();
        let limited = rt.timeout(Duration::from_secs(60), test(rt.clone()));
        owner.block_on(limited).unwrap_or_else(|_| panic!("it hangs on {backend}"));
    }
}
