//! What policies, pools and tasks tell of themselves: as metrics, and as spans and events (features `metrics` and
//! `tracing`).
//!
//! | you want | use | feature |
//! |---|---|---|
#![cfg_attr(
    feature = "metrics",
    doc = "| counters and histograms of what policies do | [`Metrics`], an [`Observer`](crate::resilience::Observer) | `metrics` |",
    doc = "| gauges of pools, bulkheads, breakers, tasks | [`Metrics::record`] | `metrics` |"
)]
#![cfg_attr(
    feature = "tracing",
    doc = "| what policies do, in a log | [`Tracing`], an [`Observer`](crate::resilience::Observer) | `tracing` |",
    doc = "| spans that go with what is spawned | [`Traced`], a [`Runtime`](crate::Runtime) around yours | `tracing` |",
    doc = "| which attempt, scope or job a line is of | nothing: these have spans | `tracing` |"
)]
//!
//! Both are facades, and what is behind them is the program's choice: the recorder of `metrics` and the subscriber of
//! `tracing` are globals of theirs, which the program sets. Core itself has none, and without these features nothing
//! of this is there.

#[cfg(feature = "metrics")]
mod metrics;
mod names;
#[cfg(feature = "tracing")]
mod traced;
#[cfg(feature = "tracing")]
mod tracing;

#[cfg(feature = "metrics")]
pub use self::metrics::{METRICS, Metric, MetricKind, MetricLabel, Metrics, Snapshot};
#[cfg(feature = "tracing")]
pub(crate) use self::traced::SpannedFn;
#[cfg(feature = "tracing")]
pub use self::traced::Traced;
#[cfg(feature = "tracing")]
pub use self::tracing::Tracing;
