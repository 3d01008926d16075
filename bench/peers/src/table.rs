//! The table: a row for each piece of work, a column for each contestant, ours against the best peer.

use crate::contest::{Contest, Goal, Sample, Side, Unit};
use crate::work::Work;
use backstay_bench::stats::{Estimate, MATTERS, median, median_estimate, ratio_estimate};
use std::cmp::Ordering;
use std::fmt::Write;

/// A contest and what its runs took.
pub type Held<'a> = (&'a Contest, Vec<Sample>);

const COLUMN: usize = 10;

/// What a reader of tables has to know.
pub fn note() -> String {
    format!(
        "A column holds medians; brackets hold 95 % intervals. Ratios are of times, also where a figure is a \
         rate: below 1 ours is\nthe faster. `=` where the interval holds 1 or the difference is below {} %.",
        MATTERS * 100.0
    )
}

/// All rows. `columns` are the contestants from left to right.
pub fn table(columns: &[&str], held: &[Held<'_>]) -> String {
    let width = held.iter().map(|(contest, _)| label(contest).len()).max().unwrap_or_default();
    let mut text = format!("{:width$}", "");
    for column in columns {
        let _ = write!(text, " {column:>COLUMN$}");
    }
    text.push_str("   ours / best peer\n");
    for (contest, samples) in held {
        text.push_str(&row(width, columns, contest, samples));
    }
    text
}

/// A row of counts.
#[derive(Clone, Debug)]
pub struct Figures {
    /// The work and its unit.
    pub label: String,
    /// Of each contestant: its name, whether it is a peer, and its count for one unit.
    pub cells: Vec<(&'static str, bool, f64)>,
}

impl Figures {
    /// Without a count yet.
    pub fn of(work: &Work) -> Self {
        Self { label: format!("{}, {}", work.name, work.unit), cells: Vec::new() }
    }
}

/// A table of counts, which need no intervals: everybody's, and ours over the least of the peers', unless that is less
/// than one: hardly anything is no measure.
pub fn figures(columns: &[&str], rows: &[Figures]) -> String {
    let width = rows.iter().map(|row| row.label.len()).max().unwrap_or_default();
    let mut text = format!("{:width$}", "");
    for column in columns {
        let _ = write!(text, " {column:>COLUMN$}");
    }
    text.push_str("   ours / best peer\n");
    for row in rows {
        let _ = write!(text, "{:width$}", row.label);
        for column in columns {
            let cell = row.cells.iter().find(|(name, ..)| name == column);
            let cell = cell.map_or("-".to_owned(), |(_, _, count)| digits(*count));
            let _ = write!(text, " {cell:>COLUMN$}");
        }
        let peers = row.cells.iter().filter(|(_, is_peer, _)| *is_peer);
        let best = peers.min_by(|a, b| a.2.total_cmp(&b.2));
        let ours = row.cells.iter().find(|(_, is_peer, _)| !is_peer);
        if let (Some((_, _, ours)), Some((name, _, best))) = (ours, best)
            && *best >= 1.0
        {
            let _ = write!(text, "   {:.2} of {name}", ours / best);
        }
        text.push('\n');
    }
    text
}

/// What each contest does.
pub fn legend(held: &[Held<'_>]) -> String {
    let width = held.iter().map(|(contest, _)| contest.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for (contest, _) in held {
        let _ = writeln!(text, "  {:width$}  {}", contest.name, contest.about);
    }
    text
}

fn label(contest: &Contest) -> String {
    match contest.unit {
        Unit::TimePer(unit) => format!("{}, {unit}", contest.name),
        Unit::PerSecond(unit) => format!("{}, {unit}/s", contest.name),
    }
}

fn row(width: usize, columns: &[&str], contest: &Contest, samples: &[Sample]) -> String {
    let mut text = format!("{:width$}", label(contest));
    for column in columns {
        let sample = samples.iter().find(|sample| sample.name == *column);
        let cell = sample.map_or("-".to_owned(), |sample| figure(contest.unit, median(&sample.nanos)));
        let _ = write!(text, " {cell:>COLUMN$}");
    }
    let Some(ours) = samples.iter().find(|sample| sample.side == Side::Ours) else {
        return text + "\n";
    };
    if let Some(best) = best_peer(samples) {
        let ratio = ratio_estimate(&ours.nanos, &best.nanos);
        let _ = write!(text, "   {} of {}", ratio_text(ratio), best.name);
        text.push_str(&goal_text(contest.goal, ratio, ours, best, samples));
    }
    text.push('\n');
    for variant in samples.iter().filter(|sample| sample.side == Side::Variant) {
        let ratio = ratio_text(ratio_estimate(&ours.nanos, &variant.nanos));
        let _ = writeln!(text, "{:width$}   {} / {}: {ratio}", "", ours.name, variant.name);
    }
    text
}

/// What the goal was, and what came of it where that is of another peer than the best.
fn goal_text(
    goal: Option<Goal>,
    of_best: Estimate,
    ours: &Sample,
    best: &Sample,
    samples: &[Sample],
) -> String {
    let Some(Goal { of, at_most }) = goal else {
        return String::new();
    };
    let named = of.and_then(|of| samples.iter().find(|sample| sample.name == of && of != best.name));
    let (ratio, whose) = match named {
        Some(peer) => {
            let ratio = ratio_estimate(&ours.nanos, &peer.nanos);
            (ratio, format!("{} of {}, ", ratio_text(ratio), peer.name))
        }
        None => (of_best, String::new()),
    };
    let sign = if ratio.value <= at_most { "reached" } else { "missed" };
    format!("; {whose}goal {at_most:.2} {sign}")
}

fn best_peer(samples: &[Sample]) -> Option<&Sample> {
    let peers = samples.iter().filter(|sample| sample.side == Side::Peer);
    peers.min_by(|a, b| median(&a.nanos).total_cmp(&median(&b.nanos)))
}

/// Which of two takes less: `Equal` where the interval holds 1 or the difference is small.
pub(crate) fn compared(Estimate { value, interval }: Estimate) -> Ordering {
    match interval {
        Some([low, _]) if low > 1.0 && value > 1.0 + MATTERS => Ordering::Greater,
        Some([_, high]) if high < 1.0 && value < 1.0 - MATTERS => Ordering::Less,
        _ => Ordering::Equal,
    }
}

pub(crate) fn ratio_text(ratio: Estimate) -> String {
    let Estimate { value, interval } = ratio;
    let Some([low, high]) = interval else {
        return format!("{value:.2} =");
    };
    let equal = if compared(ratio) == Ordering::Equal { " =" } else { "" };
    format!("{value:.2} [{low:.2}, {high:.2}]{equal}")
}

fn figure(unit: Unit, nanos: f64) -> String {
    match unit {
        Unit::TimePer(_) => time(nanos),
        Unit::PerSecond(_) => rate(nanos),
    }
}

/// Three digits that count, and a unit.
pub(crate) fn time(nanos: f64) -> String {
    match nanos {
        _ if nanos < 1e3 => format!("{} ns", digits(nanos)),
        _ if nanos < 1e6 => format!("{} µs", digits(nanos / 1e3)),
        _ => format!("{} ms", digits(nanos / 1e6)),
    }
}

/// How many in a second.
pub(crate) fn rate(nanos: f64) -> String {
    if nanos > 1e6 { digits(1e9 / nanos) } else { format!("{} k", digits(1e6 / nanos)) }
}

pub(crate) fn digits(value: f64) -> String {
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$}")
}

/// The medians with their intervals, for who wants to see how certain a figure is.
pub fn intervals(held: &[Held<'_>]) -> String {
    let mut text = String::new();
    for (contest, samples) in held {
        for sample in samples {
            let Estimate { value, interval } = median_estimate(&sample.nanos);
            let interval = interval.map(|ends| ends.map(digits));
            let interval = interval.map_or_else(String::new, |[low, high]| format!(" [{low}, {high}]"));
            let _ = writeln!(text, "{:12} {:10} {} ns{interval}", contest.name, sample.name, digits(value));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(name: &'static str, side: Side, nanos: f64) -> Sample {
        Sample { name, side, nanos: vec![nanos; 11] }
    }

    fn contest(unit: Unit) -> Contest {
        Contest { name: "work", about: "it".to_owned(), unit, units: 1, goal: None, entries: Vec::new() }
    }

    #[test]
    fn ours_is_compared_with_the_best_peer_and_with_its_variants() {
        let contest = contest(Unit::TimePer("poll"));
        let samples = [
            sample("slow", Side::Peer, 90.0),
            sample("fast", Side::Peer, 50.0),
            sample("ours", Side::Ours, 40.0),
            sample("bare", Side::Variant, 39.0),
        ];
        let columns = ["slow", "fast", "ours", "bare"];
        let row = row(10, &columns, &contest, &samples);
        assert!(row.contains("0.80 [0.80, 0.80] of fast"), "{row}");
        assert!(row.contains("ours / bare: 1.03 [1.03, 1.03] ="), "{row}");
    }

    #[test]
    fn a_goal_is_of_the_peer_that_it_names() {
        let samples = [
            sample("slow", Side::Peer, 90.0),
            sample("fast", Side::Peer, 50.0),
            sample("ours", Side::Ours, 40.0),
        ];
        let text = |of, at_most| {
            let contest = Contest { goal: Some(Goal { of, at_most }), ..contest(Unit::TimePer("poll")) };
            row(10, &["ours"], &contest, &samples)
        };
        assert!(text(None, 0.9).contains("of fast; goal 0.90 reached"));
        assert!(text(Some("fast"), 0.7).contains("of fast; goal 0.70 missed"));
        let named = text(Some("slow"), 0.5);
        assert!(named.contains("of fast; 0.44 [0.44, 0.44] of slow, goal 0.50 reached"), "{named}");
    }

    #[test]
    fn who_takes_no_part_has_a_dash() {
        let contest = contest(Unit::TimePer("poll"));
        let row = row(22, &["absent"], &contest, &[]);
        assert_eq!(row.trim_end(), format!("{:22} {:>COLUMN$}", "work, poll", "-"));
    }

    #[test]
    fn figures_have_three_digits() {
        let time = Unit::TimePer("poll");
        assert_eq!(figure(time, 4.123), "4.12 ns");
        assert_eq!(figure(time, 41.23), "41.2 ns");
        assert_eq!(figure(time, 41_234.0), "41.2 µs");
        assert_eq!(figure(Unit::PerSecond("seeds"), 20_000.0), "50.0 k");
    }
}
