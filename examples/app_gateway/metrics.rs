//! `/metrics`, for Prometheus.

use crate::api::App;
use backstay::observe::Metrics;
use backstay::task::Shutdown;
use backstay::{AnyRuntime, Runtime};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

/// The bounds of the histograms, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// Makes this process' metrics go to what `/metrics` shows.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let handle = PrometheusBuilder::new().set_buckets_for_metric(seconds, BUCKETS)?.install_recorder()?;
    Metrics::describe();
    Ok(handle)
}

/// Takes in what was recorded, until the gateway stops: otherwise it is kept one by one until somebody scrapes.
pub async fn upkeep(shutdown: Shutdown<AnyRuntime>, recorded: PrometheusHandle) {
    let every = Duration::from_secs(5);
    while shutdown.stop_token().run(shutdown.runtime().sleep(every)).await.is_ok() {
        recorded.run_upkeep();
    }
}

/// The metrics, with what things are at now.
pub fn scrape(app: &App) -> String {
    app.prices.record(&app.metrics);
    app.ledger.record(&app.metrics);
    app.metrics.record("gateway", &app.shutdown.counts());
    app.recorded.render()
}
