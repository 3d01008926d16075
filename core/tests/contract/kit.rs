//! One test, every runtime.

use backstay_core::Runtime;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Makes of an `async fn(R)` a test on each runtime, named after it.
macro_rules! on_every_runtime {
    ($($test:ident)*) => {$(
        mod $test {
            use backstay_core::{AnyOwner, BlockOn, Config, Runtime};

            fn run<O: BlockOn<Runtime: backstay_core::Net>>(owner: O) {
                let rt = owner.runtime().clone();
                let test = super::$test(rt.clone());
                owner.block_on(rt.timeout(crate::kit::LIMIT, test)).expect("the test hangs");
            }

            #[test]
            fn tokio() {
                run(backstay_tokio::TokioOwner::new(Config::new()).expect("a good configuration"));
            }

            #[test]
            fn smol() {
                run(backstay_smol::SmolOwner::new(Config::new()).expect("a good configuration"));
            }

            #[test]
            fn async_std() {
                run(backstay_async_std::AsyncStdOwner::new(Config::new()).expect("a good configuration"));
            }

            #[test]
            fn any() {
                let owner = backstay_tokio::TokioOwner::new(Config::new()).expect("a good configuration");
                run(AnyOwner::new(owner));
            }
        }
    )*};
}

pub(crate) use on_every_runtime;

/// A test that takes longer hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Long enough on a machine that is busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// One poll with a waker that nobody hears.
pub(crate) fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls up to `polls` times, with time for the world to move in between, then drops.
///
/// Gives the output if there was one: the operation is no longer being cancelled then.
pub(crate) async fn drop_after<R: Runtime, F: Future>(rt: &R, polls: usize, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll_once(future.as_mut()) {
            return Some(output);
        }
        rt.sleep(ms(1)).await;
    }
    None
}
