//! A report as one page of HTML that needs nothing else: no script, no network, no font.
//!
//! Everything is in it that is in the JSON: the JSON itself too, in the element `data`.
//!
//! | part | where |
//! |---|---|
//! | what, when, the command, the doctor's warnings | `heading` |
//! | workloads down, runtimes across | `matrix` |
//! | a workload: its sizes and threads | `workload` |
//! | every run as a dot | `dots` |
//! | latency at each percentile | `curve` |
//! | memory a task | `memory` |
//! | over sizes, over threads | `scaling` |
//! | the same in tables | `numbers`, `table` |
//! | the machine and the build | `environment` |
//! | what a runtime is called, its colour and shape | `runtimes` |
//! | drawing | `chart`, `scale`, `svg`, `style.css` |
//! | other people's text | `escape` |

mod chart;
mod curve;
mod dots;
mod environment;
mod escape;
mod heading;
mod look;
mod matrix;
mod memory;
mod num;
mod numbers;
mod runtimes;
mod scale;
mod scaling;
mod svg;
mod table;
mod workload;

use super::Report;
use crate::stats::MATTERS;
use runtimes::Runtimes;

/// Nothing is fetched or run, whatever a workload is called.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// The whole page.
///
/// # Examples
///
/// ```
/// use backstay_bench::report::{Report, html::html};
///
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/choosing-a-runtime.json");
/// let report = Report::read(path.as_ref())?;
/// let page = html(&report);
/// assert!(page.contains(&report.command));
/// # Ok::<(), backstay_bench::report::ReportError>(())
/// ```
///
/// # Panics
///
/// Never: everything in a report can be said in JSON.
pub fn html(report: &Report) -> String {
    let runtimes = Runtimes::of(report);
    let parts = workload::parts(report);
    let workloads: String = parts.iter().map(|part| workload::workload(part, &runtimes)).collect();
    let title = format!("backstay-bench: {}", runtimes.names().join(", "));
    let data = serde_json::to_string(report).expect("numbers, text, lists and maps with keys of text");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#summary\">To the summary</a>\n{}<main>\n\
         <section id=\"summary\" aria-labelledby=\"summary-h\">\n<h2 id=\"summary-h\">Summary</h2>\n{}</section>\n\
         {}{workloads}{}</main>\n\
         <footer><p>Made by backstay-bench, schema {}. The raw data, every run, is in this file: the element \
         <code>data</code>, in JSON.</p></footer>\n\
         <script type=\"application/json\" id=\"data\">{}</script>\n</body>\n</html>\n",
        escape::Text(title),
        include_str!("html/style.css"),
        heading::heading(report, &runtimes),
        matrix::matrix(report, &parts, &runtimes),
        guide(),
        environment::environment(report),
        report.schema,
        escape::json(&data),
    )
}

/// How to read the rest.
fn guide() -> String {
    format!(
        "<section class=\"guide\" aria-labelledby=\"guide-h\">\n<h2 id=\"guide-h\">How to read it</h2>\n\
         <p>Of every figure, less is better. <b>Each dot is one process</b>, the first that ran at the top and the \
         last at the bottom; below its dots is their median, with its 95 % interval. Filled marks are through \
         backstay, hollow ones are the same work written by hand for that runtime.</p>\n\
         <p>A difference is named only where the whole interval of the ratio is more than {} % off. \
         <b>No clear winner</b>: none is shown to be slower, and none is slower by 10 % or more. \
         <b>Too noisy</b>: one may be slower by 10 % or more, and it can't be seen. \
         <b>Loses</b> is how probable it is that a run of the least takes less than one of this: 50 % is a \
         draw.</p>\n</section>\n",
        MATTERS * 100.0
    )
}
