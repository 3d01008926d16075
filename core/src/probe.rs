//! What code tells a test runtime about itself: what it waits for, what it holds, what it has reached.
//!
//! Primitives call [`waiting`], [`hold`] and [`reached`]. On a real runtime nobody listens: without the feature
//! `testing` these are empty functions, with it a look at one thread-local. A test runtime listens with a
//! [`Recorder`], so that a report of a deadlock can say `recv channel#3` beside the name of a task.
//!
//! Nothing here changes a result.
//!
//! ```
//! use backstay_core::probe;
//! use std::future::poll_fn;
//! use std::task::Poll;
//!
//! /// A primitive of your own that a report can describe.
//! async fn wait_for_the_moon() {
//!     poll_fn(|_| {
//!         probe::waiting(|| "the moon".to_owned());
//!         Poll::<()>::Pending
//!     })
//!     .await
//! }
//! # let _ = wait_for_the_moon();
//! ```

#[cfg(feature = "testing")]
mod recorder;

#[cfg(feature = "testing")]
pub use recorder::Recorder;

use std::fmt;

/// Tells what the calling future waits for; to be called where it returns `Pending`.
///
/// `label` is only called while somebody listens.
#[inline]
pub fn waiting(label: impl FnOnce() -> String) {
    #[cfg(feature = "testing")]
    if let Some(recorder) = recorder::asking() {
        // Made while nothing is locked or borrowed: it may look at anything.
        recorder.waiting(label());
    }
    #[cfg(not(feature = "testing"))]
    let _ = label;
}

/// Tells that the caller holds something that it must give back: a permit, a place in a queue.
///
/// A run that ends while it is held lists it as leaked. `label` is only called while somebody listens.
#[inline]
#[must_use = "what is held is given back when this is dropped"]
pub fn hold(label: impl FnOnce() -> String) -> Held {
    #[cfg(feature = "testing")]
    return Held { _entry: recorder::listening().map(|recorder| recorder.hold(label())) };
    #[cfg(not(feature = "testing"))]
    {
        let _ = label;
        Held {}
    }
}

/// Tells whether a place that matters was reached; what [`sometimes!`](crate::sometimes) calls.
#[inline]
pub fn reached(mark: &'static str, reached: bool) {
    #[cfg(feature = "testing")]
    if let Some(recorder) = recorder::listening() {
        recorder.reached(mark, reached);
    }
    #[cfg(not(feature = "testing"))]
    let _ = (mark, reached);
}

/// Something held: see [`hold`]. Of no size without the feature `testing`.
#[derive(Default)]
pub struct Held {
    #[cfg(feature = "testing")]
    _entry: Option<recorder::Entry>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

/// Marks something that must be true in some run, though not in each: a retry that was needed, a breaker that
/// opened.
///
/// A test that explores many schedules and never sees it true has not covered what it was written for, and
/// fails. So it belongs into tests and scenarios: in library code it would ask every user's test for what only some
/// of them are about. Where nobody explores, the condition is evaluated, and nothing else.
///
/// ```
/// # let attempts = 2;
/// backstay_core::sometimes!(attempts > 1, "a retry was needed");
/// ```
#[macro_export]
macro_rules! sometimes {
    ($condition:expr, $mark:literal $(,)?) => {
        $crate::probe::reached($mark, $condition)
    };
}
