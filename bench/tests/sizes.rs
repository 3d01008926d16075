//! How large the traits' types are, beside the runtimes' own, and why: every task that waits holds some.

#![cfg(target_pointer_width = "64")]

use backstay::async_std::AsyncStd;
use backstay::smol::Smol;
use backstay::time::{Instant, Timeout};
use backstay::tokio::Tokio;
use backstay::{AnyRuntime, JoinError, Runtime};
use std::future::Ready;
use std::mem::size_of;

type Handle<R> = <R as Runtime>::JoinHandle<()>;
type BlockingHandle<R> = <R as Runtime>::BlockingHandle<()>;
type Sleep<R> = <R as Runtime>::Sleep;

/// Handles are cloned into every task.
#[test]
fn runtimes() {
    assert_eq!(size_of::<Tokio>(), 8, "an Arc");
    assert_eq!(size_of::<Smol>(), 8, "a Weak");
    assert_eq!(size_of::<AsyncStd>(), 0, "there is one for the process");
    assert_eq!(size_of::<AnyRuntime>(), 16, "an Arc<dyn ..>");
}

/// tokio's: 8 more, for the flag that tells an abort from the end of the runtime.
///
/// smol's and async-std's own can't be aborted through `&self`. Theirs are in a mutex (8, with the poison
/// flag), beside the waiter's waker (16), in a state of 24 or 32: its tag, and the larger of the native handle
/// (8 and 24) and the boxed future of a cancellation (16).
#[test]
fn join_handles() {
    assert_eq!(size_of::<Handle<Tokio>>(), size_of::<tokio::task::JoinHandle<()>>() + 8);
    assert_eq!(size_of::<Handle<Smol>>(), 8 + 16 + 24);
    assert_eq!(size_of::<smol::Task<()>>(), 8);
    assert_eq!(size_of::<Handle<AsyncStd>>(), 8 + 16 + 32);
    assert_eq!(size_of::<async_std::task::JoinHandle<()>>(), 24);
    assert_eq!(size_of::<Handle<AnyRuntime>>(), 16, "a Box<dyn ..>");
}

/// A blocking job's handle has the gate that decides between its start and its abort: an Arc.
#[test]
fn blocking_handles() {
    assert_eq!(size_of::<BlockingHandle<Tokio>>(), size_of::<Handle<Tokio>>(), "tokio's own serve");
    assert_eq!(size_of::<BlockingHandle<Smol>>(), size_of::<Handle<Smol>>() + 8);
    assert_eq!(size_of::<BlockingHandle<AsyncStd>>(), size_of::<Handle<AsyncStd>>() + 8);
}

/// tokio's: 16 more, for the runtime, which may have ended, and for a deadline that had passed.
#[test]
fn sleeps() {
    assert_eq!(size_of::<Sleep<Tokio>>(), size_of::<tokio::time::Sleep>() + 16);
    assert_eq!(size_of::<Sleep<Smol>>(), size_of::<async_io::Timer>());
    assert_eq!(size_of::<Sleep<AsyncStd>>(), size_of::<async_io::Timer>());
    assert_eq!(size_of::<Sleep<AnyRuntime>>(), 16, "a Pin<Box<dyn ..>>");
}

/// The future and the sleep, nothing besides: until the sleep is needed, its place holds the handle and the
/// limit. They take more than an erased sleep does, which is only a pointer.
#[test]
fn timeouts() {
    fn beside<R: Runtime>() -> usize {
        size_of::<Timeout<Ready<u64>, R>>() - size_of::<Ready<u64>>()
    }
    assert_eq!(beside::<Tokio>(), size_of::<Sleep<Tokio>>());
    assert_eq!(beside::<Smol>(), size_of::<Sleep<Smol>>());
    assert_eq!(beside::<AsyncStd>(), size_of::<Sleep<AsyncStd>>());
    assert_eq!(beside::<AnyRuntime>(), size_of::<AnyRuntime>() + 16);
}

/// What is returned everywhere.
#[test]
fn values() {
    assert_eq!(size_of::<Instant>(), 8, "nanoseconds");
    assert_eq!(size_of::<Option<Instant>>(), 16, "every number of nanoseconds is an instant");
    assert_eq!(size_of::<JoinError>(), 16, "a boxed panic, and which of the three");
    assert_eq!(size_of::<Result<u64, JoinError>>(), 16, "the tag is the same one");
}
