//! A table for each family: a row for each contest, a column for each contestant.

use super::markdown::{Set, table};
use super::{amount, shown};
use crate::contest::Side;
use crate::results::{Bench, Count, Family, Results, Row};
use crate::table::ratio_text;
use std::fmt::Write;

/// All benches, with all their families.
pub(super) fn families(results: &Results) -> String {
    results.benches.iter().map(|bench| of(bench, results)).collect()
}

fn of(bench: &Bench, results: &Results) -> String {
    let (first, rest) = parted(&bench.title);
    let mut text = format!("\n## `{}`\n\n{first}\n", bench.name);
    text.push_str(&block(rest));
    let _ = writeln!(
        text,
        "\n{} repetitions after one to warm up, everybody once in each, in random order; `--seed {}`; {} s.",
        bench.repetitions, bench.seed, bench.seconds
    );
    for family in bench.families.iter().filter(|family| !family.rows.is_empty()) {
        if !family.heading.is_empty() {
            let (first, rest) = parted(&family.heading);
            let _ = write!(text, "\n### {first}\n{}", block(rest));
        }
        let abouts: Vec<_> =
            family.rows.iter().map(|row| vec![format!("`{}`", row.name), row.about.clone()]).collect();
        let _ = write!(text, "\n{}", table(&[("work", Set::Left), ("what is done", Set::Left)], &abouts));
        let _ = write!(text, "\n{}", figures(family, results));
    }
    text
}

fn parted(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// Who is who, as the benches print it.
fn block(lines: &str) -> String {
    if lines.trim().is_empty() { String::new() } else { format!("\n```text\n{}\n```\n", lines.trim_end()) }
}

fn figures(family: &Family, results: &Results) -> String {
    let mut columns = vec![("work", Set::Left), ("", Set::Left)];
    columns.extend(family.columns.iter().map(|name| (name.as_str(), Set::Right)));
    columns.push(("ours / best peer", Set::Left));
    let rows: Vec<_> = family.rows.iter().flat_map(|row| lines(family, row, results)).collect();
    table(&columns, &rows)
}

/// Three lines: times, instructions, allocations; the first alone where the others aren't counted.
fn lines(family: &Family, row: &Row, results: &Results) -> Vec<Vec<String>> {
    let mut times = vec![
        format!("`{}`, {}", row.name, row.unit),
        if row.is_rate { "a second" } else { "time" }.to_owned(),
    ];
    let time = |name: &String| row.times(name).map_or("–".to_owned(), |times| shown(row, times.median()));
    times.extend(family.columns.iter().map(time));
    times.push(verdict(row));
    let mut lines = vec![times];
    for (what, counts) in [("instructions", &results.instructions), ("allocations", &results.allocations)] {
        let of_row: Vec<&Count> = counts.iter().filter(|count| count.work == row.name).collect();
        if of_row.is_empty() {
            continue;
        }
        let count = |name: &String| {
            let count = of_row.iter().find(|count| count.contestant == *name);
            count.map_or("–".to_owned(), |count| amount(count.of_one()))
        };
        let mut line = vec![String::new(), what.to_owned()];
        line.extend(family.columns.iter().map(count));
        line.push(if what == "instructions" { of_best(&of_row) } else { String::new() });
        lines.push(line);
    }
    lines
}

fn verdict(row: &Row) -> String {
    let Some((ours, best)) = row.ours().zip(row.best_peer()) else {
        return "–".to_owned();
    };
    let mut text = format!("{} of {}", ratio_text(ours.over(best)), best.name);
    if let Some(goal) = &row.goal {
        let peer = goal.of.as_deref().map_or(Some(best), |of| row.times(of));
        let ratio = peer.map(|peer| ours.over(peer).value);
        let came = match ratio {
            Some(ratio) if ratio <= goal.at_most => "reached",
            Some(_) => "missed",
            None => "not measured",
        };
        let named = peer.filter(|peer| peer.name != best.name);
        let named =
            named.map_or(String::new(), |peer| format!("{} of {}, ", ratio_text(ours.over(peer)), peer.name));
        let _ = write!(text, "; {named}goal {:.2} {came}", goal.at_most);
    }
    for variant in row.times.iter().filter(|times| times.side == Side::Variant && times.is_a_time()) {
        let _ = write!(text, "; {:.2} of our {}", ours.over(variant).value, variant.name);
    }
    text
}

fn of_best(counts: &[&Count]) -> String {
    let ours = counts.iter().find(|count| count.side == Side::Ours);
    let peers = counts.iter().filter(|count| count.side == Side::Peer);
    let best = peers.min_by(|a, b| a.of_one().total_cmp(&b.of_one()));
    match (ours, best) {
        (Some(ours), Some(best)) if best.count > 0 => {
            format!("{:.2} of {}", ours.of_one() / best.of_one(), best.contestant)
        }
        _ => String::new(),
    }
}
