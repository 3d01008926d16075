//! The table: a row for each piece of work, a column for each contestant, ours against the best peer.

use crate::contest::{Contest, Sample, Side, Unit};
use backstay_bench::stats::{Estimate, MATTERS, Shown, median, median_estimate, ratio_estimate};
use fastrand::Rng;
use std::fmt::Write;

/// A contest and what its runs took.
pub type Held<'a> = (&'a Contest, Vec<Sample>);

const NAME: usize = 22;
const COLUMN: usize = 10;

/// All rows. `columns` are the contestants from left to right.
pub fn table(columns: &[&str], held: &[Held<'_>], rng: &mut Rng) -> String {
    let mut text = format!("{:NAME$}", "");
    for column in columns {
        let _ = write!(text, " {column:>COLUMN$}");
    }
    text.push_str("   ours / best peer\n");
    for (contest, samples) in held {
        text.push_str(&row(columns, contest, samples, rng));
    }
    let _ = write!(
        text,
        "\nA column holds medians; brackets hold 95 % intervals. Ratios are of times, also where a figure is a \
         rate: below 1 ours is\nthe faster. `=` where the interval holds 1 or the difference is below {} %.\n",
        MATTERS * 100.0
    );
    text
}

/// What each contest does.
pub fn legend(held: &[Held<'_>]) -> String {
    let mut text = String::new();
    for (contest, _) in held {
        let _ = writeln!(text, "  {:12} {}", contest.name, contest.about);
    }
    text
}

fn row(columns: &[&str], contest: &Contest, samples: &[Sample], rng: &mut Rng) -> String {
    let unit = match contest.unit {
        Unit::TimePer(unit) => format!("{}, {unit}", contest.name),
        Unit::PerSecond(unit) => format!("{}, {unit}/s", contest.name),
    };
    let mut text = format!("{unit:NAME$}");
    for column in columns {
        let sample = samples.iter().find(|sample| sample.name == *column);
        let cell = sample.map_or("-".to_owned(), |sample| figure(contest.unit, median(&sample.nanos)));
        let _ = write!(text, " {cell:>COLUMN$}");
    }
    let ours = samples.iter().find(|sample| sample.side == Side::Ours);
    if let (Some(ours), Some(best)) = (ours, best_peer(samples)) {
        let ratio = ratio_estimate(&ours.nanos, &best.nanos, rng);
        let _ = write!(text, "   {} of {}", ratio_text(ratio), best.name);
    }
    text.push('\n');
    for variant in samples.iter().filter(|sample| sample.side == Side::Variant) {
        if let Some(ours) = ours {
            let ratio = ratio_text(ratio_estimate(&ours.nanos, &variant.nanos, rng));
            let _ = writeln!(text, "{:NAME$}   {} / {}: {ratio}", "", ours.name, variant.name);
        }
    }
    text
}

fn best_peer(samples: &[Sample]) -> Option<&Sample> {
    let peers = samples.iter().filter(|sample| sample.side == Side::Peer);
    peers.min_by(|a, b| median(&a.nanos).total_cmp(&median(&b.nanos)))
}

fn ratio_text(ratio: Estimate) -> String {
    let Estimate { value, low, high } = ratio;
    let sign = if ratio.shows() == Shown::Nothing { " =" } else { "" };
    format!("{value:.2} [{low:.2}, {high:.2}]{sign}")
}

/// Three digits that count, and a unit.
fn figure(unit: Unit, nanos: f64) -> String {
    match unit {
        Unit::TimePer(_) if nanos < 1e3 => format!("{} ns", digits(nanos)),
        Unit::TimePer(_) if nanos < 1e6 => format!("{} µs", digits(nanos / 1e3)),
        Unit::TimePer(_) => format!("{} ms", digits(nanos / 1e6)),
        Unit::PerSecond(_) if nanos > 1e6 => digits(1e9 / nanos),
        Unit::PerSecond(_) => format!("{} k", digits(1e6 / nanos)),
    }
}

fn digits(value: f64) -> String {
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$}")
}

/// The medians with their intervals, for who wants to see how certain a figure is.
pub fn intervals(held: &[Held<'_>], rng: &mut Rng) -> String {
    let mut text = String::new();
    for (contest, samples) in held {
        for sample in samples {
            let Estimate { value, low, high } = median_estimate(&sample.nanos, rng);
            let [value, low, high] = [value, low, high].map(digits);
            let _ = writeln!(text, "{:12} {:10} {value} ns [{low}, {high}]", contest.name, sample.name);
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
        Contest { name: "work", about: "it".to_owned(), unit, units: 1, entries: Vec::new() }
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
        let row = row(&columns, &contest, &samples, &mut Rng::with_seed(1));
        assert!(row.contains("0.80 [0.80, 0.80] of fast"), "{row}");
        assert!(row.contains("ours / bare: 1.03 [1.03, 1.03] ="), "{row}");
    }

    #[test]
    fn who_takes_no_part_has_a_dash() {
        let contest = contest(Unit::TimePer("poll"));
        let row = row(&["absent"], &contest, &[], &mut Rng::with_seed(1));
        assert_eq!(row.trim_end(), format!("{:NAME$} {:>COLUMN$}", "work, poll", "-"));
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
