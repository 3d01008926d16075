//! What is recorded, series by series.

use backstay::testing::Sim;
use backstay_core::observe::{METRICS, MetricKind, MetricLabel, Metrics};
use metrics_util::MetricKind as Kind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A series: its name and labels, as Prometheus writes it.
pub(crate) type Recorded = BTreeMap<String, DebugValue>;

/// What is recorded while the program runs on the sim.
pub(crate) fn recorded<F: Future<Output = ()>>(program: impl FnOnce(Sim, Metrics) -> F) -> Recorded {
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || {
        let outcome = Sim::builder().run(|rt: Sim| program(rt, Metrics::new()));
        outcome.unwrap_or_else(|failure| panic!("{failure}"));
    });
    let mut recorded = Recorded::new();
    for (key, _, _, value) in recorder.snapshotter().snapshot().into_vec() {
        let (kind, key) = key.into_parts();
        let metric = METRICS.iter().find(|metric| metric.name == key.name());
        let metric = metric.unwrap_or_else(|| panic!("{} is not in the table", key.name()));
        assert_eq!(kind, expected_kind(metric.kind), "{}", key.name());
        assert!(key.labels().map(|label| label.key()).eq(metric.labels.iter().map(|label| label.name)));
        let mut series = key.name().to_owned();
        for (label, MetricLabel { values, .. }) in key.labels().zip(metric.labels) {
            let is_in_table = values.is_empty() || values.contains(&label.value());
            assert!(is_in_table, "{} of {}: {}", label.key(), key.name(), label.value());
            let separator = if label.key() == "policy" { '{' } else { ',' };
            write!(series, "{separator}{}={}", label.key(), label.value()).unwrap();
        }
        series.push('}');
        assert!(recorded.insert(series.clone(), value).is_none(), "{series} is there twice");
    }
    recorded
}

const fn expected_kind(kind: MetricKind) -> Kind {
    match kind {
        MetricKind::Counter => Kind::Counter,
        MetricKind::Gauge => Kind::Gauge,
        MetricKind::Histogram => Kind::Histogram,
    }
}

/// Each series is there with its value, and there is no other of this metric.
#[track_caller]
pub(crate) fn assert_series(recorded: &Recorded, name: &str, expected: &[(&str, DebugValue)]) {
    let start = format!("{name}{{");
    let found: Vec<_> = recorded.iter().filter(|(series, _)| series.starts_with(&start)).collect();
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(labels, value)| (format!("{name}{{{labels}}}"), value)).collect();
    assert_eq!(found, expected.iter().map(|(series, value)| (series, *value)).collect::<Vec<_>>());
}

pub(crate) const fn count(count: u64) -> DebugValue {
    DebugValue::Counter(count)
}

pub(crate) fn gauge(value: f64) -> DebugValue {
    DebugValue::Gauge(value.into())
}

pub(crate) fn seconds<const N: usize>(times: [f64; N]) -> DebugValue {
    DebugValue::Histogram(times.map(Into::into).to_vec())
}
