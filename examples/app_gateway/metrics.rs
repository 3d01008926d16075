//! `/metrics`, for Prometheus.

use crate::api::App;
use backstay::observe::Metrics;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Makes this process' metrics go to what `/metrics` shows.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    Metrics::describe();
    Ok(handle)
}

/// The metrics, with what things are at now.
pub fn scrape(app: &App) -> String {
    app.prices.record(&app.metrics);
    app.ledger.record(&app.metrics);
    app.metrics.record("gateway", &app.shutdown.counts());
    app.recorded.render()
}
