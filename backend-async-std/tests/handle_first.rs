//! A handle that is used before any owner starts async-std with the defaults. One test, since it starts once.

use backstay_async_std::{AsyncStd, AsyncStdOwner};
use backstay_core::{Config, Runtime};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

#[test]
fn a_later_owner_is_held_to_the_defaults() {
    let _running = AsyncStd::new().spawn(async {});
    let cores = available_parallelism().expect("known");
    assert!(AsyncStdOwner::new(Config::new()).is_ok());
    assert!(AsyncStdOwner::new(Config::new().worker_threads(cores)).is_ok());
    let other = NonZeroUsize::new(cores.get() + 1).expect("not zero");
    let refused = AsyncStdOwner::new(Config::new().worker_threads(other)).expect_err("it runs already");
    assert_eq!(refused.field(), Some("worker_threads"));
    let refused = AsyncStdOwner::new(Config::new().thread_name("late")).expect_err("it runs already");
    assert_eq!(refused.field(), Some("thread_name"));
}
