//! The trait of the operators: each method makes the operator of the same name, which is where it is described whole.

use futures_core::Stream;

/// Operators over time and concurrency, for any [`Stream`].
///
/// See the [module](super) for all of them and what they hold in common.
pub trait FlowExt: Stream {
    // ---- concurrent ----

    // ---- flatten ----

    // ---- timing ----

    // ---- batch ----

    // ---- overflow and rate ----

    // ---- merge ----

    // ---- life ----

    // ---- results ----
}

impl<S: Stream + ?Sized> FlowExt for S {}
