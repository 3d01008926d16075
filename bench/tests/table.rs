//! What the table shows, and what stands out in it.

#[path = "support/program.rs"]
mod program;

use backstay_bench::report::markdown::markdown;
use backstay_bench::report::table::table;
use backstay_bench::report::{Report, Verdict};
use backstay_bench::style::Style;
use program::Program;
use std::sync::LazyLock;

static MEASURED: LazyLock<Report> = LazyLock::new(|| {
    let program = Program::new("table");
    let line = "compare spawn --sizes 9 --threads 1 --reps 8 --seed 1 --quiet --format json --out .";
    assert_eq!(program.run(line).0, Some(0));
    program.report("run.json")
});

/// A report with planted figures, one of each runtime: nanoseconds of an operation, and bytes of memory. Its noise is
/// what a quiet machine has.
fn planted(times: [f64; 3], memory: [f64; 3], switches: [f64; 3]) -> Report {
    let mut report = MEASURED.clone();
    let section = &mut report.sections[0];
    for (place, series) in section.series.iter_mut().enumerate() {
        for (number, run) in (0..).zip(&mut series.runs) {
            let (runtime, noise) = (place / 2, 1.0 + f64::from(number % 3) / 100.0);
            run.figure = times[runtime] * noise;
            let usage = run.usage.as_mut().unwrap();
            usage.peak_memory_bytes = Some(memory[runtime] * noise);
            usage.switches_per_operation = Some(switches[runtime]);
            (usage.cpu_seconds_per_million, usage.threads) = (None, Some(runtime as f64 + 1.0));
        }
    }
    section.conclude();
    report
}

/// What is bold of the rows, on a terminal and in Markdown.
fn bold(report: &Report) -> Vec<String> {
    let shown = table(report, Style::COLOURED);
    let rows = shown.lines().filter(|line| line.starts_with("  "));
    let bold = |text: &str, start: &str, end: &str| -> Vec<String> {
        text.split(start).skip(1).map(|rest| rest.split(end).next().unwrap().to_owned()).collect()
    };
    let terminal: Vec<_> = rows.flat_map(|row| bold(row, "\x1b[1m", "\x1b[0m")).collect();
    let text = markdown(report);
    // The summary before it has the winner in bold.
    let (_, text) = text.split_once("\n## ").unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let in_markdown: Vec<_> =
        rows.flat_map(|row| row.split(" | ").filter_map(|field| field.strip_prefix("**"))).collect();
    let in_markdown: Vec<_> =
        in_markdown.iter().map(|field| field.trim_end_matches(" |").trim_end_matches("**")).collect();
    assert_eq!(terminal, in_markdown);
    terminal
}

#[test]
fn the_best_of_a_column_is_bold_only_where_it_is_certain() {
    const MIB: f64 = 1_048_576.0;
    let level = [1.0; 3];
    assert_eq!(bold(&planted([100.0; 3], [9.0 * MIB; 3], level)), [""; 0]);
    // Operations a second, of which more is better, and memory, of which less is.
    let report = planted([200.0, 100.0, 300.0], [9.0 * MIB, 9.0 * MIB, 5.0 * MIB], level);
    assert_eq!(bold(&report), ["9.90 M [9.80, 10.0]", "5.0 MiB"]);
    // 2 % is no matter, and 20 % over one of two others is nothing.
    assert_eq!(bold(&planted([100.0, 102.0, 102.0], [9.0, 8.8, 9.0].map(|mib| mib * MIB), level)), [""; 0]);
    assert_eq!(bold(&planted([100.0, 100.0, 120.0], [9.0 * MIB; 3], level)), [""; 0]);
    // Of nothing there is no ratio, and the fewest threads are no merit.
    assert_eq!(bold(&planted([100.0; 3], [9.0 * MIB; 3], [0.0, 1.0, 1.0])), [""; 0]);
    assert_eq!(bold(&planted([100.0; 3], [9.0 * MIB; 3], [0.5, 1.0, 1.0])), ["0.500"]);
}

#[test]
fn what_has_no_ratio_is_not_called_level() {
    let verdict = |times| planted(times, [1.0; 3], [1.0; 3]).sections.remove(0).verdict;
    let level = |verdict| matches!(verdict, Verdict::NoClearWinner { .. });
    assert!(level(verdict([100.0; 3])) && level(verdict([0.0; 3])));
    assert!(!level(verdict([0.0, 0.0, 100.0])));
}

#[test]
fn columns_with_nothing_in_them_are_left_out_and_lines_are_short() {
    let report = planted([200.0, 100.0, 300.0], [9e6; 3], [1.0; 3]);
    let shown = table(&report, Style::PLAIN);
    let heading = shown.lines().find(|line| line.contains("ops/s")).unwrap();
    let names: Vec<_> = heading.split("  ").map(str::trim).filter(|name| !name.is_empty()).collect();
    assert_eq!(names, ["ops/s [95 %]", "peak memory", "switches/op", "threads"]);
    assert!(!shown.contains('\x1b'));
    assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
    let mut long = report.clone();
    long.sections[0].about = "x".repeat(90);
    let shown = table(&long, Style::PLAIN);
    assert!(shown.contains("xx;\n  time per task\n"), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 120), "{shown}");
    let text = markdown(&report);
    assert!(
        text.contains(
            "\n| runtime | ops/s [95 %] | peak memory | switches/op | threads |\n|---|---|---|---|---|\n"
        ),
        "{text}"
    );
    // In the runtime's own row.
    assert!(text.contains("\n| smol | **9.90 M [9.80, 10.0]** | 8.7 MiB | 1.000 | 2 |\n"), "{text}");
}
