//! What was compared, when, how to do it again, and what disturbed it.

use super::escape::Text;
use super::runtimes::Runtimes;
use crate::report::Report;
use crate::report::date::date;

/// The head of the page.
pub(super) fn heading(report: &Report, runtimes: &Runtimes) -> String {
    let names = runtimes.names().join(", ");
    let of = if names.is_empty() { String::new() } else { format!(": {}", Text(names)) };
    let when = date(report.started).unwrap_or_else(|| "at an unknown time".to_owned());
    let quick = if report.quick { ", each cut short for a first impression" } else { "" };
    let aa = if report.aa {
        "<p>Each runtime was compared with itself, the second time under a name with a mark: a difference is a mistake \
         of the method, or of the machine.</p>\n"
    } else {
        ""
    };
    let commit = report.environment.build.commit.as_ref();
    let commit = commit.map_or_else(String::new, |commit| format!(", commit {}", Text(commit)));
    let cpu = report.environment.machine.cpu.as_deref().unwrap_or("an unknown processor");
    format!(
        "<header>\n<p class=\"over\">backstay-bench</p>\n<h1>The same work{of}</h1>\n\
         <p class=\"when\">{when}{commit}. {} cores of {}. {} processes for each cell{quick}, in random order, \
         {}.</p>\n{aa}\
         <p class=\"again\">The same again:</p>\n<pre><code>{}</code></pre>\n{}</header>\n",
        report.environment.machine.cores,
        Text(cpu),
        report.processes,
        length(report.seconds),
        Text(&report.command),
        warnings(report)
    )
}

/// What the doctor warned of.
fn warnings(report: &Report) -> String {
    let warned = report.doctor.iter().filter_map(|finding| Some((finding, finding.warning.as_ref()?)));
    let items: String = warned
        .map(|(finding, warning)| {
            format!("<li><b>{}</b>: {}: {}</li>\n", Text(&finding.what), Text(&finding.found), Text(warning))
        })
        .collect();
    if items.is_empty() {
        return String::new();
    }
    format!(
        "<aside aria-labelledby=\"disturbed\"><h2 id=\"disturbed\">What disturbed these figures</h2>\n\
         <ul>{items}</ul></aside>\n"
    )
}

fn length(seconds: f64) -> String {
    match seconds {
        s if !s.is_finite() => "of unknown length".to_owned(),
        s if s < 100.0 => format!("{s:.0} s in all"),
        s => format!("{:.0} min in all", s / 60.0),
    }
}
