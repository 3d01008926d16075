//! All of it on one page: workloads down, runtimes across.

use super::escape::Text;
use super::runtimes::{Runtimes, name};
use super::svg::key;
use super::workload::{Part, case_id};
use crate::report::number::{ratio, show};
use crate::report::{Report, Row, Section, Verdict};
use crate::stats::{MATTERS, Shown};
use crate::workload::Measure;

/// Ratios from which a cell is tinted more deeply.
const TINTS: [f64; 5] = [1.03, 1.1, 1.5, 2.0, 4.0];

/// The matrix, below what it comes to.
pub(super) fn matrix(report: &Report, parts: &[Part<'_>], runtimes: &Runtimes) -> String {
    if parts.is_empty() {
        return "<p>Nothing was compared.</p>\n".to_owned();
    }
    let heads: String = runtimes
        .names()
        .iter()
        .map(|name| format!("<th scope=\"col\">{}{}</th>", key(runtimes.look(name)), Text(name)))
        .collect();
    let bodies: String = parts.iter().map(|part| body(part, runtimes)).collect();
    let caption = "Medians through backstay, and how many times the least of its row: tinted where the difference is certain";
    format!(
        "<p class=\"lead\">{}</p>\n<div class=\"scroll matrix\" role=\"region\" tabindex=\"0\" aria-label=\"Summary\">\
         <table><caption>{caption}</caption><thead><tr><th scope=\"col\">workload</th>{heads}</tr></thead>\n\
         {bodies}</table></div>\n",
        Text(tally(report, runtimes))
    )
}

/// Who is the fastest how often.
fn tally(report: &Report, runtimes: &Runtimes) -> String {
    let ahead = |runtime: &String| {
        count(
            report,
            |verdict| matches!(verdict, Verdict::Winner { runtime: own, .. } if name(own) == *runtime),
        )
    };
    let wins = runtimes.names().iter().map(|runtime| (format!("{runtime} is ahead in"), ahead(runtime)));
    let others = [
        ("no clear winner in", count(report, |verdict| matches!(verdict, Verdict::NoClearWinner { .. }))),
        ("too noisy to tell in", count(report, |verdict| matches!(verdict, Verdict::TooNoisy { .. }))),
        ("too few runs to say in", count(report, |verdict| matches!(verdict, Verdict::TooFew { .. }))),
    ];
    let parts = wins.chain(others.map(|(what, number)| (what.to_owned(), number)));
    let parts: Vec<_> =
        parts.filter(|(_, number)| *number > 0).map(|(what, number)| format!("{what} {number}")).collect();
    let all = report.sections.len();
    let comparisons = if all == 1 { "comparison" } else { "comparisons" };
    if parts.is_empty() {
        return format!("{all} {comparisons}, with nobody to compare with.");
    }
    format!("Of {all} {comparisons}: {}.", parts.join("; "))
}

fn count(report: &Report, is: impl Fn(&Verdict) -> bool) -> usize {
    report.sections.iter().filter(|section| is(&section.verdict)).count()
}

fn body(part: &Part<'_>, runtimes: &Runtimes) -> String {
    let rows = part.sections.iter().enumerate().map(|(place, section)| {
        let cells: String = runtimes.names().iter().map(|name| cell(section, name)).collect();
        format!(
            "<tr><th scope=\"row\"><a href=\"#{}\">{}</a> <span class=\"threads\">{}</span>{}</th>{cells}</tr>\n",
            case_id(&part.id, place),
            Text(section.label()),
            section.threads(),
            verdict(section),
        )
    });
    format!("<tbody>{}</tbody>\n", rows.collect::<String>())
}

/// What may be said, in short.
fn verdict(section: &Section) -> String {
    let words = match &section.verdict {
        Verdict::Alone => return String::new(),
        Verdict::TooFew { .. } => "too few runs",
        Verdict::NoClearWinner { .. } => "no clear winner",
        Verdict::TooNoisy { .. } => "too noisy to tell",
        Verdict::Winner { runtime, .. } => {
            return format!("<small>{}: the {}</small>", Text(name(runtime)), most(section));
        }
    };
    format!("<small>{words}</small>")
}

fn most(section: &Section) -> &'static str {
    match section.measure {
        Measure::Throughput | Measure::Latency => "fastest",
        Measure::Quantity => "least",
    }
}

fn cell(section: &Section, runtime: &str) -> String {
    let Some(row) = section.rows.iter().find(|row| name(row.runtime) == runtime) else {
        let is_here =
            !section.series.iter().any(|series| series.not_here.is_some() && name(series.runtime) == runtime);
        return format!("<td class=\"none\">{}</td>", if is_here { "–" } else { "not here" });
    };
    let figure = show(section.measure, row.backstay.value);
    let wins = matches!(&section.verdict, Verdict::Winner { runtime: own, .. } if name(own) == runtime);
    let (class, below) = match row.behind {
        None if wins => ("best".to_owned(), format!("✓ {}", most(section))),
        None => ("t0".to_owned(), if section.rows.len() > 1 { "1.00 ×" } else { "" }.to_owned()),
        Some(behind) => (tint(row), format!("{} ×", ratio(behind.ratio).0)),
    };
    format!("<td class=\"{class}\">{}<small>{}</small></td>", Text(figure), Text(below))
}

/// None where the difference may be chance.
fn tint(row: &Row) -> String {
    let certain = row.behind.filter(|behind| behind.ratio.shows(MATTERS) == Shown::More);
    let ratio = certain.map_or(1.0, |behind| behind.ratio.value);
    format!("t{}", TINTS.iter().filter(|from| ratio > **from).count())
}
