//! The dashboard that comes with the guide asks for metrics that there are, and for all of them.

use backstay_core::observe::{METRICS, Metric, MetricKind};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What whoever scrapes adds to every metric.
const ADDED: [&str; 3] = ["job", "instance", "le"];

fn dashboard() -> Value {
    serde_json::from_str(include_str!("../../../docs/grafana/backstay.json")).expect("it is JSON")
}

/// The panels that ask for something, each with its title.
fn panels(dashboard: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    panels
        .filter(|panel| panel["type"] != "row")
        .map(|panel| (panel["title"].as_str().expect("a title"), panel))
}

/// A metric that an expression asks for.
struct Asked<'e> {
    metric: &'static Metric,
    /// `bucket`, `sum` or `count` of a histogram.
    part: Option<&'e str>,
    /// The function that it is in, where that takes a range.
    function: Option<&'e str>,
    matchers: Vec<(&'e str, &'e str)>,
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// All metrics that an expression asks for.
fn asked(expression: &str) -> Vec<Asked<'_>> {
    let starts = expression.match_indices("backstay_").map(|(at, _)| at);
    let all = starts.map(|at| {
        let (before, rest) = expression.split_at(at);
        let (name, rest) = rest.split_at(rest.find(|c| !is_of_a_name(c)).unwrap_or(rest.len()));
        let of = |name: &str| METRICS.iter().find(|metric| metric.name == name);
        let (metric, part) = match (of(name), name.rsplit_once('_')) {
            (Some(metric), _) => (metric, None),
            (None, Some((name, part))) => {
                (of(name).unwrap_or_else(|| panic!("there is no {name}_{part}")), Some(part))
            }
            (None, None) => panic!("there is no {name}"),
        };
        let inside =
            rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inside, _)| inside);
        let matchers = inside.split(", ").filter(|matcher| !matcher.is_empty()).map(|matcher| {
            let at = matcher.find(['=', '!']).expect("a comparison");
            (&matcher[..at], matcher[at..].trim_start_matches(['=', '!', '~']).trim_matches('"'))
        });
        let function = before.strip_suffix('(').map(|before| {
            let from = before.rfind(|c| !is_of_a_name(c)).map_or(0, |at| at + 1);
            &before[from..]
        });
        Asked { metric, part, function, matchers: matchers.collect() }
    });
    all.collect()
}

/// What stands in the brackets after each of a word.
fn in_brackets<'e>(expression: &'e str, before: &str) -> BTreeSet<&'e str> {
    let all = expression.split(before).skip(1).filter_map(|rest| rest.split_once(')'));
    all.flat_map(|(inside, _)| inside.split(", ")).collect()
}

#[test]
fn it_asks_for_metrics_that_there_are_and_for_all_of_them() {
    let dashboard = dashboard();
    let mut shown = BTreeSet::new();
    for (title, panel) in panels(&dashboard) {
        for target in panel["targets"].as_array().expect("targets") {
            let expression = target["expr"].as_str().expect("an expression");
            let all = asked(expression);
            assert!(!all.is_empty(), "{title}: {expression}");
            for Asked { metric, part, function, matchers } in &all {
                shown.insert(metric.name);
                let of_a_range = matches!(function, Some("rate" | "increase"));
                let right = match metric.kind {
                    MetricKind::Histogram => of_a_range && matches!(part, Some("bucket" | "sum" | "count")),
                    MetricKind::Counter => of_a_range && part.is_none(),
                    MetricKind::Gauge => !of_a_range && part.is_none(),
                };
                assert!(right, "{title}: {} is a {:?}: {expression}", metric.name, metric.kind);
                for (label, value) in matchers {
                    let known = metric.labels.iter().find(|known| known.name == *label);
                    assert!(
                        known.is_some() || ADDED.contains(label),
                        "{title}: {} has no {label}",
                        metric.name
                    );
                    for value in value.split('|').filter(|value| !value.starts_with('$')) {
                        assert!(
                            known.is_some_and(|known| known.values.contains(&value)),
                            "{title}: {label} is never {value}"
                        );
                    }
                }
            }
            let grouped = in_brackets(expression, "by (");
            for label in &grouped {
                let has = |asked: &Asked<'_>| asked.metric.labels.iter().any(|known| known.name == *label);
                assert!(ADDED.contains(label) || all.iter().all(has), "{title}: no {label} in {expression}");
            }
            let legend = target["legendFormat"].as_str().expect("a legend");
            for label in legend.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
                assert!(grouped.contains(label.0), "{title}: {legend} of {expression}");
            }
        }
    }
    let missing: Vec<_> =
        METRICS.iter().map(|metric| metric.name).filter(|name| !shown.contains(name)).collect();
    assert!(missing.is_empty(), "in no panel: {missing:?}");
}

#[test]
fn its_variables_ask_for_metrics_that_there_are() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let mut names = BTreeSet::new();
    for variable in variables {
        names.insert(variable["name"].as_str().expect("a name"));
        if let Some(query) = variable["query"]["query"].as_str().filter(|query| !query.contains("__name__")) {
            assert!(!asked(query).is_empty(), "{query}");
        }
    }
    for (title, panel) in panels(&dashboard) {
        for target in panel["targets"].as_array().expect("targets") {
            for used in target["expr"].as_str().expect("an expression").split('$').skip(1) {
                let end = used.find(|c| !is_of_a_name(c)).unwrap_or(used.len());
                assert!(
                    names.contains(&used[..end]) || &used[..end] == "__rate_interval",
                    "{title}: ${}",
                    &used[..end]
                );
            }
        }
    }
}

#[test]
fn its_panels_have_numbers_of_their_own_and_do_not_overlap() {
    let dashboard = dashboard();
    let mut taken = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        let title = panel["title"].as_str().expect("a title");
        assert!(ids.insert(panel["id"].as_u64().expect("a number")), "{title}");
        let at = |side: &str| panel["gridPos"][side].as_u64().expect("a number");
        assert!(at("x") + at("w") <= 24, "{title}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert_eq!(taken.insert((x, y), title), None, "{title}");
            }
        }
    }
}
