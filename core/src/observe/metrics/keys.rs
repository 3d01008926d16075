//! The names of series, made once each.

use super::table::{METRICS, Metric, MetricKind, MetricLabel, Row};
use metrics::{Key, KeyName, Label, Level, Metadata, with_recorder};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

static METADATA: Metadata<'static> = Metadata::new("backstay", Level::INFO, Some(module_path!()));

/// What has been emitted so far, by source.
#[derive(Default)]
pub(super) struct Keys(RwLock<BTreeMap<&'static str, Arc<Source>>>);

impl Keys {
    /// No lock is held when it returns: a recorder is foreign code.
    pub(super) fn source(&self, name: &'static str) -> Arc<Source> {
        if let Some(source) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Arc::clone(source);
        }
        let mut sources = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sources.entry(name).or_insert_with(|| Arc::new(Source::new(name))))
    }
}

/// A pipeline or policy, and its series. The keys are kept and not the recorder's handles: whoever sets the recorder
/// after the first event would have no handles but those of no recorder.
#[derive(Debug)]
pub struct Source {
    name: &'static str,
    rows: [OnceLock<Box<[OnceLock<Key>]>>; METRICS.len()],
}

impl Source {
    fn new(name: &'static str) -> Self {
        Self { name, rows: [const { OnceLock::new() }; METRICS.len()] }
    }

    pub(super) fn count(&self, row: Row, values: &[&'static str], by: u64) {
        let key = self.key(row, MetricKind::Counter, values);
        with_recorder(|recorder| recorder.register_counter(key, &METADATA)).increment(by);
    }

    /// A count that is kept elsewhere.
    pub(super) fn counted(&self, row: Row, values: &[&'static str], total: u64) {
        let key = self.key(row, MetricKind::Counter, values);
        with_recorder(|recorder| recorder.register_counter(key, &METADATA)).absolute(total);
    }

    pub(super) fn gauge(&self, row: Row, values: &[&'static str], value: f64) {
        let key = self.key(row, MetricKind::Gauge, values);
        with_recorder(|recorder| recorder.register_gauge(key, &METADATA)).set(value);
    }

    pub(super) fn time(&self, row: Row, values: &[&'static str], time: Duration) {
        let key = self.key(row, MetricKind::Histogram, values);
        with_recorder(|recorder| recorder.register_histogram(key, &METADATA)).record(time.as_secs_f64());
    }

    fn key(&self, row: Row, kind: MetricKind, values: &[&'static str]) -> &Key {
        let metric = &METRICS[row as usize];
        debug_assert_eq!(metric.kind, kind, "{}", metric.name);
        let keys =
            self.rows[row as usize].get_or_init(|| (0..metric.series()).map(|_| OnceLock::new()).collect());
        keys[metric.place(values)].get_or_init(|| metric.key(self.name, values))
    }
}

impl Metric {
    /// The labels beside the source's name.
    fn own_labels(&self) -> &'static [MetricLabel] {
        &self.labels[1..]
    }

    /// How many series of it a source can have.
    fn series(&self) -> usize {
        self.own_labels().iter().map(|label| label.values.len()).product()
    }

    fn place(&self, values: &[&'static str]) -> usize {
        let labels = self.own_labels();
        debug_assert_eq!(labels.len(), values.len(), "{}", self.name);
        labels.iter().zip(values).fold(0, |place, (label, value)| {
            let Some(at) = label.values.iter().position(|one| one == value) else {
                unreachable!("{value} is no {} of {}", label.name, self.name)
            };
            place * label.values.len() + at
        })
    }

    fn key(&self, policy: &'static str, values: &[&'static str]) -> Key {
        let values = [policy].into_iter().chain(values.iter().copied());
        let labels = self.labels.iter().zip(values);
        let labels = labels.map(|(label, value)| Label::from_static_parts(label.name, value));
        Key::from_parts(self.name, labels.collect::<Vec<_>>())
    }

    pub(super) fn describe(&self) {
        let name = KeyName::from_const_str(self.name);
        with_recorder(|recorder| match self.kind {
            MetricKind::Counter => recorder.describe_counter(name, self.unit, self.help.into()),
            MetricKind::Gauge => recorder.describe_gauge(name, self.unit, self.help.into()),
            MetricKind::Histogram => recorder.describe_histogram(name, self.unit, self.help.into()),
        });
    }
}
