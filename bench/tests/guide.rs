//! The figures in docs/choosing-a-runtime.md are those of docs/choosing-a-runtime.json, a `run.json` without its runs, on one
//! line.
//!
//! After a new run: copy its `run.json` there, and `BLESS=1 cargo test -p backstay-bench --test guide`; then read whether
//! what the guide says is still so.

use backstay_bench::report::markdown::markdown;
use backstay_bench::report::summary::summary;
use backstay_bench::report::{Report, Section};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_guide_s_figures_are_those_of_its_run() {
    let (guide, run) = (docs("choosing-a-runtime.md"), docs("choosing-a-runtime.json"));
    let mut report = Report::read(&run).unwrap();
    report.sections.iter_mut().flat_map(|section| &mut section.series).for_each(|series| series.runs.clear());
    let json = serde_json::to_string(&report).unwrap() + "\n";
    let written = fs::read_to_string(&guide).unwrap();
    let right = filled(&written, &report);
    if env::var_os("BLESS").is_some() {
        fs::write(&run, json).unwrap();
        fs::write(&guide, right).unwrap();
    } else {
        assert_eq!(fs::read_to_string(&run).unwrap(), json, "the runs are left out");
        assert_eq!(written, right);
    }
}

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// The text with its run, and with every block between `<!-- figures: spawn-1k/2 … -->` and `<!-- end -->` as the report has it.
fn filled(text: &str, report: &Report) -> String {
    let mut filled = String::new();
    let mut lines = text.lines();
    let mut blocks = 0;
    while let Some(line) = lines.next() {
        filled.push_str(line);
        filled.push('\n');
        if line == "<!-- run -->" {
            let conditions = markdown(report);
            let conditions = conditions.lines().skip_while(|line| !line.starts_with("* "));
            conditions.take_while(|line| line.starts_with("* ")).for_each(|line| {
                filled.push_str(line);
                filled.push('\n');
            });
            lines.find(|line| *line == "<!-- end -->").expect("a block has an end");
            filled.push_str("<!-- end -->\n");
            continue;
        }
        let Some(labels) = line.strip_prefix("<!-- figures: ").and_then(|rest| rest.strip_suffix(" -->"))
        else {
            continue;
        };
        blocks += 1;
        let sections = labels.split_whitespace().map(|label| section(report, label));
        filled.push_str(&summary(sections));
        lines.find(|line| *line == "<!-- end -->").expect("a block of figures has an end");
        filled.push_str("<!-- end -->\n");
    }
    assert!(blocks > 5, "a guide with figures");
    filled
}

/// `spawn-1k/2`: a workload with its size, and the threads.
fn section<'a>(report: &'a Report, label: &str) -> &'a Section {
    let is = |section: &&Section| format!("{}/{}", section.label(), section.threads) == label;
    report.sections.iter().find(is).unwrap_or_else(|| panic!("the run has no {label}"))
}
