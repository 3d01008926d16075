//! What policies, pools and tasks tell of themselves, as metrics (feature `metrics`).
//!
//! | you want | use | feature |
//! |---|---|---|
//! | counters and histograms of all that policies do | [`Metrics`], an [`Observer`](crate::resilience::Observer) | `metrics` |
//! | gauges of pools, bulkheads, breakers, tasks | [`Metrics::record`] | `metrics` |
//!
//! That is a facade, and what is behind it is the program's choice: the recorder of `metrics` is a global of its, which
//! the program sets. Core itself has none, and without the feature nothing of this is there.

mod metrics;
mod names;

pub use metrics::{METRICS, Metric, MetricKind, MetricLabel, Metrics, Snapshot};
