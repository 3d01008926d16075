//! What every backend promises, as tests (feature `conformance`).
//!
//! Each rule is a function that panics where the rule is broken. A backend runs them all with one line, which
//! makes a module with a test for each rule, named after it:
//!
//! ```
//! # fn main() {}
//! # use backstay_core::Config;
//! # use backstay_tokio::TokioOwner as MyOwner;
//! backstay_core::conformance!(my_backend, || MyOwner::new(Config::new()).unwrap());
//! ```
//!
//! A rule that can't apply is left out by its id, for example where a runtime never ends:
//!
//! ```
//! # fn main() {}
//! # use backstay_core::Config;
//! # use backstay_async_std::AsyncStdOwner as MyOwner;
//! backstay_core::conformance!(my_backend, || MyOwner::new(Config::new()).unwrap(), except [c10, c21]);
//! ```
//!
//! A program can run them too, and have what came of each as a value: [`check`].
//!
//! | id | rule |
//! |---|---|
//! | C1 | dropping a join handle detaches; the task finishes |
//! | C2 | a panic gives `Panicked` with the payload; the pool survives; the message is readable |
//! | C3 | abort of a pending task gives `Aborted`; its destructor has run before the await returns |
//! | C4 | abort after the end keeps the value; aborting twice is harmless |
//! | C5 | abort racing a completing poll: the value or `Aborted`, never a hang |
//! | C6 | abort before the first poll: never polled |
//! | C7 | abort through `&self` wakes a waiter that is already registered, also inside a set of futures |
//! | C8 | a destructor that panics during abort is an error (`Aborted`, or `Panicked` where the runtime can tell); the process lives |
//! | C9 | abort, then drop of the handle: the destructor still runs |
//! | C10 | after the runtime's end, awaiting and spawning give `Shutdown`; nothing hangs or panics |
//! | C11 | dropping the handle of a blocking job detaches, also while it is queued |
//! | C12 | aborting a blocking job: queued, it never runs; running, it runs to its end and its value is delivered |
//! | C13 | a panic of a blocking job is `Panicked` |
//! | C14 | no timer fires early |
//! | C15 | a sleep of `Duration::MAX` never fires, a timeout of `MAX` works, a past deadline is immediate |
//! | C16 | `timeout(0, ready)` is the value, `timeout(0, pending)` is `Elapsed`; the future is polled before the timer |
//! | C17 | a sleep can be reset: shortened, armed again after it fired, set to never |
//! | C18 | spawn and sleep work from a plain thread and under a foreign executor |
//! | C19 | a ticker behaves the same everywhere: its first tick, missed ticks, no zero period |
//! | C20 | a yield loop starves no timer |
//! | C21 | dropping the last owner inside async code does not panic |
//! | C22 | nested `block_on` works, or panics with a message that says what to do |
//!
//! A case makes its own runtimes, runs on a thread of its own, and fails if it takes longer than
//! [`LIMIT`]. Apart from C18 and C22 it uses no thread, so a runtime with a virtual clock can run it.

// A case panics where its rule is broken: each says which.
#[allow(clippy::missing_panics_doc)]
mod blocking;
mod kit;
#[allow(clippy::missing_panics_doc)]
mod owners;
mod report;
#[allow(clippy::missing_panics_doc)]
mod tasks;
#[allow(clippy::missing_panics_doc)]
mod timers;

pub use blocking::{c11_blocking_drop_detaches, c12_blocking_abort, c13_blocking_panic};
pub use owners::{
    c10_shutdown, c18_plain_thread_and_foreign_executor, c21_owner_dropped_in_async_code, c22_nested_block_on,
};
pub use report::{Checked, Verdict, check};
pub use tasks::{
    c01_drop_detaches, c02_panic_is_contained, c03_abort_pending, c04_abort_after_end,
    c05_abort_racing_completion, c06_abort_before_first_poll, c07_abort_wakes_waiter,
    c08_destructor_panics_on_abort, c09_abort_then_drop,
};
pub use timers::{
    c14_no_early_timer, c15_far_and_past, c16_timeout_zero, c17_reset, c19_ticker, c20_yield_starves_no_timer,
};

use super::{BlockOn, Panic};
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How long a case may take before it counts as hung.
pub const LIMIT: Duration = Duration::from_secs(30);

/// What makes the runtimes of a case.
pub type Make<'a, O> = &'a dyn Fn() -> O;

/// One rule and the function that checks it.
pub struct Case<O: 'static> {
    /// The rule's id: `c01` to `c22`.
    pub id: &'static str,
    /// What it says, as in the table [above](self).
    pub rule: &'static str,
    /// Panics where the rule is broken.
    pub check: fn(Make<'_, O>),
}

/// What they say: the table above, for programs.
#[rustfmt::skip]
const RULES: [&str; 22] = [
    "dropping a join handle detaches; the task finishes",
    "a panic gives `Panicked` with the payload; the pool survives; the message is readable",
    "abort of a pending task gives `Aborted`; its destructor has run before the await returns",
    "abort after the end keeps the value; aborting twice is harmless",
    "abort racing a completing poll: the value or `Aborted`, never a hang",
    "abort before the first poll: never polled",
    "abort through `&self` wakes a waiter that is already registered, also inside a set of futures",
    "a destructor that panics during abort is an error (`Aborted`, or `Panicked` where the runtime can tell); the process lives",
    "abort, then drop of the handle: the destructor still runs",
    "after the runtime's end, awaiting and spawning give `Shutdown`; nothing hangs or panics",
    "dropping the handle of a blocking job detaches, also while it is queued",
    "aborting a blocking job: queued, it never runs; running, it runs to its end and its value is delivered",
    "a panic of a blocking job is `Panicked`",
    "no timer fires early",
    "a sleep of `Duration::MAX` never fires, a timeout of `MAX` works, a past deadline is immediate",
    "`timeout(0, ready)` is the value, `timeout(0, pending)` is `Elapsed`; the future is polled before the timer",
    "a sleep can be reset: shortened, armed again after it fired, set to never",
    "spawn and sleep work from a plain thread and under a foreign executor",
    "a ticker behaves the same everywhere: its first tick, missed ticks, no zero period",
    "a yield loop starves no timer",
    "dropping the last owner inside async code does not panic",
    "nested `block_on` works, or panics with a message that says what to do",
];

/// Every rule, in order.
pub const fn cases<O: BlockOn + Send + Sync + 'static>() -> [Case<O>; 22] {
    [
        Case { id: "c01", rule: RULES[0], check: c01_drop_detaches },
        Case { id: "c02", rule: RULES[1], check: c02_panic_is_contained },
        Case { id: "c03", rule: RULES[2], check: c03_abort_pending },
        Case { id: "c04", rule: RULES[3], check: c04_abort_after_end },
        Case { id: "c05", rule: RULES[4], check: c05_abort_racing_completion },
        Case { id: "c06", rule: RULES[5], check: c06_abort_before_first_poll },
        Case { id: "c07", rule: RULES[6], check: c07_abort_wakes_waiter },
        Case { id: "c08", rule: RULES[7], check: c08_destructor_panics_on_abort },
        Case { id: "c09", rule: RULES[8], check: c09_abort_then_drop },
        Case { id: "c10", rule: RULES[9], check: c10_shutdown },
        Case { id: "c11", rule: RULES[10], check: c11_blocking_drop_detaches },
        Case { id: "c12", rule: RULES[11], check: c12_blocking_abort },
        Case { id: "c13", rule: RULES[12], check: c13_blocking_panic },
        Case { id: "c14", rule: RULES[13], check: c14_no_early_timer },
        Case { id: "c15", rule: RULES[14], check: c15_far_and_past },
        Case { id: "c16", rule: RULES[15], check: c16_timeout_zero },
        Case { id: "c17", rule: RULES[16], check: c17_reset },
        Case { id: "c18", rule: RULES[17], check: c18_plain_thread_and_foreign_executor },
        Case { id: "c19", rule: RULES[18], check: c19_ticker },
        Case { id: "c20", rule: RULES[19], check: c20_yield_starves_no_timer },
        Case { id: "c21", rule: RULES[20], check: c21_owner_dropped_in_async_code },
        Case { id: "c22", rule: RULES[21], check: c22_nested_block_on },
    ]
}

impl<O> Case<O> {
    /// Runs the case on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`Failure`] where the rule is broken or the case takes longer than `limit`; the thread of one that
    /// hangs is left behind.
    pub fn run(&self, limit: Duration, make: impl Fn() -> O + Send + 'static) -> Result<(), Failure> {
        let check = self.check;
        let (done, outcome) = channel();
        let thread = thread::Builder::new().name(self.id.to_owned()).spawn(move || {
            // Nobody listens any more where the case took too long.
            let _ = done.send(catch_unwind(AssertUnwindSafe(|| check(&make))));
        });
        if let Err(error) = thread {
            return Err(Failure::Panicked(Panic::new(Box::new(error.to_string()))));
        }
        match outcome.recv_timeout(limit) {
            Ok(outcome) => outcome.map_err(|payload| Failure::Panicked(Panic::new(payload))),
            Err(_) => Err(Failure::TookTooLong(limit)),
        }
    }
}

impl<O> fmt::Debug for Case<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.id).finish()
    }
}

/// How a case failed; its text is the panic's, as far as that has one.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// It panicked, with this.
    Panicked(Panic),
    /// It took longer than it may.
    TookTooLong(Duration),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panic) => f.write_str(panic.message().unwrap_or("it panicked")),
            Self::TookTooLong(limit) => write!(f, "took longer than {limit:?}"),
        }
    }
}

impl Error for Failure {}

/// Makes a module with a test for each rule of [`conformance`](crate::runtime::conformance).
#[macro_export]
macro_rules! conformance {
    ($name:ident, $make:expr $(, except [$($except:ident),* $(,)?])? $(,)?) => {
        $crate::conformance!(@module ($) $name, $make, [$($($except),*)?]);
    };
    // The dollar is handed in because a macro can't write one that belongs to a macro it makes.
    (@module ($d:tt) $name:ident, $make:expr, [$($except:ident),*]) => {
        mod $name {
            #[allow(unused_imports, reason = "what makes the runtime may come from anywhere")]
            use super::*;

            macro_rules! case {
                $(($except $d($d rest:tt)*) => {};)*
                ($d id:ident $d name:ident) => {
                    #[test]
                    fn $d name() {
                        use $crate::runtime::conformance::{self, Case, Failure};
                        let case = Case { id: stringify!($d id), rule: "", check: conformance::$d name };
                        match case.run(conformance::LIMIT, $make) {
                            Ok(()) => {}
                            Err(Failure::Panicked(panic)) => panic.resume(),
                            Err(failure) => panic!("{failure:?}"),
                        }
                    }
                };
            }

            case!(c01 c01_drop_detaches);
            case!(c02 c02_panic_is_contained);
            case!(c03 c03_abort_pending);
            case!(c04 c04_abort_after_end);
            case!(c05 c05_abort_racing_completion);
            case!(c06 c06_abort_before_first_poll);
            case!(c07 c07_abort_wakes_waiter);
            case!(c08 c08_destructor_panics_on_abort);
            case!(c09 c09_abort_then_drop);
            case!(c10 c10_shutdown);
            case!(c11 c11_blocking_drop_detaches);
            case!(c12 c12_blocking_abort);
            case!(c13 c13_blocking_panic);
            case!(c14 c14_no_early_timer);
            case!(c15 c15_far_and_past);
            case!(c16 c16_timeout_zero);
            case!(c17 c17_reset);
            case!(c18 c18_plain_thread_and_foreign_executor);
            case!(c19 c19_ticker);
            case!(c20 c20_yield_starves_no_timer);
            case!(c21 c21_owner_dropped_in_async_code);
            case!(c22 c22_nested_block_on);
        }
    };
}
