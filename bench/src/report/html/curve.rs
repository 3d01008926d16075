//! The latency at every percentile, as far as there are enough of them: tails are what an average hides.

use super::chart::{Chart, HEIGHT, UP, across, figure, frame};
use super::num::Num;
use super::runtimes::{Runtimes, name};
use super::scale::Scale;
use super::svg::Svg;
use crate::cell::Variant;
use crate::reading::Tail;
use crate::report::number::show;
use crate::report::{Section, Series};
use crate::workload::Measure;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Percentiles that have a name.
const NAMED: [(f64, &str); 8] = [
    (0.5, "50"),
    (0.9, "90"),
    (0.99, "99"),
    (0.999, "99.9"),
    (0.999_9, "99.99"),
    (0.999_99, "99.999"),
    (0.999_999, "99.9999"),
    (0.999_999_9, "99.99999"),
];

/// The chart; `None` without latencies.
pub(super) fn curve(section: &Section, runtimes: &Runtimes, id: &str) -> Option<Chart> {
    let lines: Vec<_> = section.series.iter().filter_map(Line::of).collect();
    let times: Vec<_> =
        lines.iter().flat_map(|line| line.times.iter().map(|(time, _)| *time as f64)).collect();
    let up = Scale::log_of(Measure::Latency, &times, UP)?;
    let most = lines.iter().map(|line| line.count).max()?;
    let mut svg = Svg::default();
    let last = place(half_of_one(most));
    let at = |ends: [f64; 2], share: f64| ends[0] + (ends[1] - ends[0]) * place(share) / last;
    let ends = frame(&mut svg, &up, |ends| {
        let named = NAMED.iter().filter(|(share, _)| place(*share) <= last);
        across(named.map(|(share, name)| (at(ends, *share), (*name).to_owned())))
    });
    for line in &lines {
        let class = if line.is_bare { "line dashed" } else { "line" };
        let look = runtimes.look(&line.runtime);
        svg.path(&format!("{class} {}", look.class()), &line.path(&up, |share| at(ends, share)));
        if let (false, Some((time, _))) = (line.is_bare, line.times.last()) {
            // At its end, so that shapes tell it too.
            svg.marker(look, false, [at(ends, half_of_one(line.count)), up.at(*time as f64)]);
        }
    }
    let described: Vec<_> = lines.iter().map(Line::words).collect();
    let title = format!("{}: latency by percentile", section.title());
    let svg = svg.finish(&format!("{id}-curve"), HEIGHT + 21.0, &title, &described.join("; "));
    let mut names: Vec<_> = lines.iter().map(|line| &*line.runtime).collect();
    names.dedup();
    let dashed = if lines.iter().any(|line| line.is_bare) { "; dashed: by hand" } else { "" };
    let note = format!("logarithmic axes{dashed}");
    Some(figure("curve", "latency at each percentile", &note, &runtimes.legend(names), &svg))
}

/// How far to the right: half of what is left above it is as far again each time.
fn place(share: f64) -> f64 {
    -(1.0 - share).max(1e-12).log10()
}

/// The share up to the middle of the last of so many.
fn half_of_one(count: u64) -> f64 {
    1.0 - 0.5 / count.max(1) as f64
}

/// All latencies of a series.
struct Line {
    runtime: String,
    is_bare: bool,
    /// Times, and how many took so long, ascending.
    times: Vec<(u64, u64)>,
    count: u64,
}

impl Line {
    /// `None` without any.
    fn of(series: &Series) -> Option<Self> {
        let mut times = BTreeMap::<u64, u64>::new();
        for tail in series.runs.iter().filter_map(|run| run.latencies.as_ref()) {
            let Tail { buckets, max, .. } = tail;
            // The greatest is known more exactly than its bucket says.
            for (bound, count) in buckets.iter().filter(|(_, count)| *count > 0) {
                // A logarithmic axis has no zero; nobody's clock knows less than a nanosecond.
                let all = times.entry((*bound).min(*max).max(1)).or_default();
                *all = all.saturating_add(*count);
            }
        }
        let count = times.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let is_bare = series.variant == Variant::Bare;
        let times = times.into_iter().collect();
        (count > 0).then(|| Self { runtime: name(series.runtime), is_bare, times, count })
    }

    /// Its steps: as many at a time as took so long. Those that aren't seen are left out.
    fn path(&self, up: &Scale, across: impl Fn(f64) -> f64) -> String {
        const SEEN: f64 = 0.4;
        let (mut path, mut seen, mut drawn) = (String::new(), 0u64, [f64::NEG_INFINITY; 2]);
        for (place, (time, count)) in self.times.iter().enumerate() {
            seen = seen.saturating_add(*count);
            let share = (seen as f64 / self.count as f64).min(half_of_one(self.count));
            let [x, y] = [across(share), up.at(*time as f64)];
            let is_last = place + 1 == self.times.len();
            if !is_last && x - drawn[0] < SEEN && (y - drawn[1]).abs() < SEEN {
                continue;
            }
            let start =
                if path.is_empty() { format!("M{} {}", Num(across(0.0)), Num(y)) } else { String::new() };
            let _ = write!(path, "{start}V{}H{}", Num(y), Num(x));
            drawn = [x, y];
        }
        path
    }

    /// The least time that this share doesn't exceed.
    fn quantile(&self, share: f64) -> u64 {
        let mut seen = 0u64;
        let reached = self.times.iter().find(|(_, count)| {
            seen = seen.saturating_add(*count);
            seen as f64 >= share * self.count as f64
        });
        reached.or(self.times.last()).map_or(0, |(time, _)| *time)
    }

    fn words(&self) -> String {
        let named = NAMED.iter().filter(|(share, _)| *share <= half_of_one(self.count));
        let at = |(share, name): &(f64, &str)| {
            format!("p{name} {}", show(Measure::Latency, self.quantile(*share) as f64))
        };
        let by_hand = if self.is_bare { " by hand" } else { "" };
        format!("{}{by_hand}: {}", self.runtime, named.map(at).collect::<Vec<_>>().join(", "))
    }
}
