//! The test kit (feature `testing`): your own async code, on every runtime and in virtual time.
//!
//! One import brings all of it; the guide is `docs/guide/testing.md`.
//!
//! | you want | use |
//! |---|---|
//! | one test on every backend, and under many simulated schedules | [`test_on_every_runtime!`](crate::test_on_every_runtime) |
//! | one run in virtual time | [`Sim::builder`] |
//! | many seeds, or every schedule there is | [`Explore`] |
//! | an operation cut off before each of its polls | [`cancel_sweep`], [`abort_sweep`], [`panic_sweep`] |
//! | a future or stream watched | [`checked`], [`checked_stream`] |
//! | things that go wrong | [`Faults`] |
//! | to know that something was reached | [`sometimes!`](crate::sometimes) |
//!
//! ```
//! use backstay::testing::*;
//! use backstay::Runtime;
//! use std::time::Duration;
//!
//! async fn a_day<R: Runtime>(rt: R) {
//!     rt.sleep(Duration::from_secs(24 * 3600)).await;
//! }
//!
//! let run = Sim::builder().seed(1).run(a_day)?;
//! assert_eq!(run.elapsed, Duration::from_secs(24 * 3600));
//! # Ok::<(), Failure>(())
//! ```

pub use backstay_core::probe::Recorder;
pub use backstay_core::sometimes;
pub use backstay_core::testing::*;
pub use backstay_sim::{
    Builder, Completed, Explore, Explored, Failure, FailureKind, Faults, Mode, Schedule, Sim, SimOwner,
    Subject, Sweep, Swept, abort_sweep, cancel_sweep, panic_sweep,
};

pub use crate::test_on_every_runtime;

use crate::{BlockOn, Runtime};
use std::time::Duration;

/// A test that takes longer on a real runtime hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// How many seeds [`test_on_every_runtime!`](crate::test_on_every_runtime) takes.
pub const SEEDS: u64 = 32;

/// Runs a test on a real runtime: what the macro's tests call.
#[doc(hidden)]
pub fn run_on<O: BlockOn, F: Future<Output = ()>>(owner: O, test: impl FnOnce(O::Runtime) -> F) {
    let rt = owner.runtime().clone();
    owner.block_on(rt.timeout(LIMIT, test(rt.clone()))).expect("the test hangs");
}

/// Panics with the report of a failure: what the macro's tests end with.
#[doc(hidden)]
pub fn report<T>(outcome: Result<T, Failure>) {
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// Makes of each `async fn(R)` a module of tests, named after it: one for each backend that is compiled in, and one
/// for each [`Mode`] of the simulated runtime, with many seeds.
///
/// The functions are generic over `R: Runtime`, or over `R: Runtime + Net` where they use the network. A failure on
/// the simulated runtime prints a report whose first line is the command that repeats it.
///
/// # Examples
///
/// ```
/// use backstay::Runtime;
/// use backstay::testing::test_on_every_runtime;
/// use std::time::Duration;
///
/// # fn main() {}
/// test_on_every_runtime! {
///     a_sleep_is_not_early
/// }
///
/// async fn a_sleep_is_not_early<R: Runtime>(rt: R) {
///     let start = rt.now();
///     rt.sleep(Duration::from_millis(5)).await;
///     assert!(rt.now() - start >= Duration::from_millis(5));
/// }
/// ```
///
/// makes the tests `a_sleep_is_not_early::tokio`, `::smol` and `::async_std` of the backends that are compiled in,
/// `::sim_random`, `::sim_faults`, `::sim_pct`, `::sim_fifo`, `::sim_lifo`, and `::erased`, which is an
/// [`AnyRuntime`](crate::AnyRuntime) over a simulated one.
///
/// | before the names | means |
/// |---|---|
/// | `sim only;` | only the simulated ones: for what would take real time |
/// | `with (seeds = 200);` | so many seeds instead of [`SEEDS`](crate::testing::SEEDS) |
/// | `with (sim = \|builder\| builder.allow_leak("server"));` | how the simulated runtime is made |
/// | `sim only, with (seeds = 200, sim = …);` | all of it |
///
/// A mark of [`sometimes!`](crate::sometimes) must be true in some run of `sim_random`.
#[macro_export]
macro_rules! test_on_every_runtime {
    (sim only; $($test:ident)*) => {
        $($crate::__tests!(simulated $test, ());)*
    };
    (sim only, with $settings:tt; $($test:ident)*) => {
        $($crate::__tests!(simulated $test, $settings);)*
    };
    (with $settings:tt; $($test:ident)*) => {
        $($crate::__tests!(everywhere $test, $settings);)*
    };
    ($($test:ident)*) => {
        $($crate::__tests!(everywhere $test, ());)*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    ($where:ident $test:ident, ()) => {
        $crate::__tests!($where $test, (seeds = $crate::testing::SEEDS, sim = |builder| builder));
    };
    ($where:ident $test:ident, (seeds = $seeds:expr)) => {
        $crate::__tests!($where $test, (seeds = $seeds, sim = |builder| builder));
    };
    ($where:ident $test:ident, (sim = $sim:expr, seeds = $seeds:expr)) => {
        $crate::__tests!($where $test, (seeds = $seeds, sim = $sim));
    };
    ($where:ident $test:ident, (sim = $sim:expr)) => {
        $crate::__tests!($where $test, (seeds = $crate::testing::SEEDS, sim = $sim));
    };
    (everywhere $test:ident, (seeds = $seeds:expr, sim = $sim:expr)) => {
        mod $test {
            $crate::__on_tokio!($test);
            $crate::__on_smol!($test);
            $crate::__on_async_std!($test);
            $crate::__simulated!($test, $seeds, $sim);
        }
    };
    (simulated $test:ident, (seeds = $seeds:expr, sim = $sim:expr)) => {
        mod $test {
            $crate::__simulated!($test, $seeds, $sim);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __simulated {
    ($test:ident, $seeds:expr, $sim:expr) => {
        #[allow(unused_imports, reason = "the settings may name anything")]
        use super::*;

        fn builder() -> $crate::testing::Builder {
            let configure: fn($crate::testing::Builder) -> $crate::testing::Builder = $sim;
            configure($crate::testing::Builder::new())
        }

        fn run(mode: $crate::testing::Mode) {
            $crate::testing::report(mode.run($seeds, builder(), |rt| super::$test(rt)));
        }

        #[::core::prelude::v1::test]
        fn sim_random() {
            run($crate::testing::Mode::Random);
        }

        #[::core::prelude::v1::test]
        fn sim_faults() {
            run($crate::testing::Mode::Faults);
        }

        #[::core::prelude::v1::test]
        fn sim_pct() {
            run($crate::testing::Mode::Pct);
        }

        #[::core::prelude::v1::test]
        fn sim_fifo() {
            run($crate::testing::Mode::Fifo);
        }

        #[::core::prelude::v1::test]
        fn sim_lifo() {
            run($crate::testing::Mode::Lifo);
        }

        #[::core::prelude::v1::test]
        fn erased() {
            let explore = $crate::testing::Explore::seeds(0..4).builder(builder()).allow_unreached();
            $crate::testing::report(explore.run(|rt| super::$test($crate::AnyRuntime::new(rt))));
        }
    };
}

// A macro of the user's crate can't ask for features of this one: each backend has a macro here, which makes a test
// or nothing. The dollar is handed in because a macro can't write one that belongs to a macro it makes.
macro_rules! on_a_backend {
    (($d:tt) $feature:literal, $macro:ident, $name:ident, $module:ident::$owner:ident) => {
        #[cfg(feature = $feature)]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro {
            ($d test:ident) => {
                #[::core::prelude::v1::test]
                fn $name() {
                    let owner = $crate::$module::$owner::new($crate::Config::new()).expect("a good configuration");
                    $crate::testing::run_on(owner, |rt| super::$d test(rt));
                }
            };
        }

        #[cfg(not(feature = $feature))]
        #[doc(hidden)]
        #[macro_export]
        macro_rules! $macro {
            ($d test:ident) => {};
        }
    };
}

on_a_backend!(($) "tokio", __on_tokio, tokio, tokio::TokioOwner);
on_a_backend!(($) "smol", __on_smol, smol, smol::SmolOwner);
on_a_backend!(($) "async-std", __on_async_std, async_std, async_std::AsyncStdOwner);
