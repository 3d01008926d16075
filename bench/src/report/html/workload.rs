//! The part of a workload: all its sizes and threads.

use super::chart::{Capital, Chart};
use super::curve::curve;
use super::dots::dots;
use super::escape::Text;
use super::memory::memory;
use super::numbers::numbers;
use super::runtimes::Runtimes;
use super::scaling::scaling;
use crate::report::{Report, Section, Verdict};

/// What the charts of the scaling are of.
const SCALING: &str =
    "Medians through backstay with 95 % intervals, side by side so that they are seen; logarithmic axes.";

/// All sections of a workload.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) id: String,
    pub(super) sections: Vec<&'a Section>,
}

/// The parts of a report, in its order.
pub(super) fn parts(report: &Report) -> Vec<Part<'_>> {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for section in &report.sections {
        match parts.iter_mut().find(|part| part.sections[0].workload == section.workload) {
            Some(part) => part.sections.push(section),
            None => parts.push(Part { id: format!("w{}", parts.len() + 1), sections: vec![section] }),
        }
    }
    parts
}

/// Where the matrix leads to.
pub(super) fn case_id(id: &str, place: usize) -> String {
    format!("{id}-{}", place + 1)
}

/// The part as HTML.
pub(super) fn workload(part: &Part<'_>, runtimes: &Runtimes) -> String {
    let Part { id, sections } = part;
    let cases: String = sections
        .iter()
        .enumerate()
        .map(|(place, section)| case(section, runtimes, &case_id(id, place)))
        .collect();
    let memory = memory(sections, runtimes, id).into_iter().collect();
    let charts = [
        charts("Memory", "Memory a task: medians through backstay.", memory),
        charts("Scaling", SCALING, scaling(sections, runtimes, id)),
    ];
    let charts = charts.concat();
    format!(
        "<section class=\"workload\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">{}</h2>\n{cases}{charts}\
         <p class=\"back\"><a href=\"#summary\">to the summary</a></p>\n</section>\n",
        Text(&sections[0].workload)
    )
}

/// Charts beside each other, under a heading; nothing without any.
fn charts(heading: &str, said: &str, charts: Vec<Chart>) -> String {
    if charts.is_empty() {
        return String::new();
    }
    format!(
        "<h3>{heading}</h3>\n<p class=\"said\">{said}</p>\n<div class=\"charts\">\n{}</div>\n",
        charts.concat()
    )
}

/// A size on a number of threads.
fn case(section: &Section, runtimes: &Runtimes, id: &str) -> String {
    let charts = [dots(section, runtimes, id), curve(section, runtimes, id)];
    let charts: String = charts.into_iter().flatten().collect();
    let charts = if charts.is_empty() { "<p>There are no runs.</p>\n".to_owned() } else { charts };
    format!(
        "<section class=\"case\" id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h3 id=\"{id}-h\">{}</h3>\n<p>{}.</p>\n\
         {}<div class=\"beside\">\n<div class=\"drawn\">{charts}</div>\n<div class=\"numbers\">{}</div>\n</div>\n\
         </section>\n",
        Text(section.title()),
        Text(format!("{}; {}", Capital(&section.about), section.figure())),
        verdicts(section),
        numbers(section, runtimes)
    )
}

/// All that the figures allow to say.
fn verdicts(section: &Section) -> String {
    let mut said = String::new();
    if let Some(words) = section.verdict.words(section.measure) {
        let class = match section.verdict {
            Verdict::Winner { .. } => "sure",
            Verdict::TooNoisy { .. } | Verdict::TooFew { .. } => "unsure",
            Verdict::NoClearWinner { .. } | Verdict::Alone => "level",
        };
        said.push_str(&format!("<dt>runtimes</dt><dd class=\"{class}\">{}</dd>", Text(words)));
    }
    let overhead = section.overhead.as_ref().map(|overhead| overhead.words(&section.rows));
    if let Some(words) = overhead.filter(|words| !words.is_empty()) {
        said.push_str(&format!("<dt>backstay</dt><dd>{}</dd>", Text(words)));
    }
    for (why, cells) in section.not_here() {
        let words = format!("{}: {why}", cells.join(", "));
        said.push_str(&format!("<dt>not measured</dt><dd class=\"unsure\">{}</dd>", Text(words)));
    }
    if said.is_empty() { said } else { format!("<dl class=\"verdicts\">{said}</dl>\n") }
}
