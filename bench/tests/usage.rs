//! What the runtimes themselves use: memory, processor time, the time to start and to stop.

#[path = "support/program.rs"]
mod program;

use backstay_bench::report::{Report, Verdict};
use program::Program;

fn report(name: &str, line: &str) -> (Report, String) {
    let program = Program::new(name);
    let (code, shown, errors) = program.run(&format!("compare {line} --quiet --format json --out ."));
    assert_eq!((code, &*errors), (Some(0), ""), "{shown}");
    (program.report("run.json"), shown)
}

/// Each figure of each cell.
fn figures(report: &Report) -> impl Iterator<Item = (String, f64)> {
    report.sections.iter().flat_map(|section| {
        let cell = |name: &str, variant: &str| format!("{} on {name}/{variant}", section.label());
        section.series.iter().flat_map(move |series| {
            let cell = cell(series.runtime.name(), series.variant.name());
            series.figures().into_iter().map(move |figure| (cell.clone(), figure))
        })
    })
}

#[test]
#[cfg(target_os = "linux")]
fn a_task_takes_some_hundred_bytes() {
    let (report, _) = report("memory", "memory --sizes 10k --reps 1");
    let labels: Vec<_> = report.sections.iter().map(|section| section.label()).collect();
    assert_eq!(labels, ["memory-idle-10k", "memory-sleeping-10k"]);
    let mut cells = 0;
    for (cell, bytes) in figures(&report) {
        // A task has at least a vtable, a state, its future and somebody's waker.
        assert!((64.0..2_048.0).contains(&bytes), "{cell}: {bytes}");
        cells += 1;
    }
    assert_eq!(cells, 12);
    for row in report.sections.iter().flat_map(|section| &section.rows) {
        // Of the whole process it is as much, and what else it needs meanwhile; what it had before isn't in it.
        let (bytes, peak) = (row.usage.bytes_per_task.unwrap(), row.usage.peak_memory_bytes.unwrap());
        assert!(bytes >= row.backstay.value * 0.9 && bytes * 1e4 < peak - 1e6, "{row:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn where_there_is_no_room_the_rest_goes_on() {
    let (report, shown) = report("room", "memory-idle spawn timer-arm --sizes 1000m,9 --threads 1 --reps 6");
    let all = "tokio/bare, tokio/backstay, smol/bare, smol/backstay, async-std/bare, async-std/backstay";
    let why = format!("\n  = not measured: {all}: less than 1,953,125 MiB of memory are free\n");
    assert_eq!(shown.matches(&why).count(), 3, "{shown}");
    for sections in report.sections.chunks(2) {
        let runs = |place: usize| sections[place].series.iter().map(|series| series.runs.len());
        assert!(runs(0).all(|runs| runs == 6) && runs(1).all(|runs| runs == 0), "{shown}");
        assert!(sections[1].rows.is_empty() && sections[1].verdict == Verdict::Alone);
    }
}

#[test]
fn an_idle_runtime_uses_less_than_a_core_and_a_start_takes_some_time() {
    let (report, _) = report("idle", "idle-cpu start-up --reps 1 --threads 2");
    for (cell, micros) in figures(&report) {
        assert!(micros > 0.0, "{cell}: {micros}");
        if cell.starts_with("idle-cpu") {
            assert!(micros < 1e6, "{cell}: {micros}");
        }
    }
    let variants = report.sections.iter().map(|section| section.series.len()).collect::<Vec<_>>();
    assert_eq!(variants, [3, 6]);
}

#[test]
fn a_shutdown_s_time_is_that_from_the_signal_on() {
    let (report, _) = report("shutdown", "graceful-shutdown --sizes 300 --reps 6 --threads 1");
    let section = &report.sections[0];
    assert!(!matches!(section.verdict, Verdict::Alone | Verdict::TooFew { .. }));
    for run in section.series.iter().flat_map(|series| &series.runs) {
        assert_eq!((run.units, run.iterations.len()), (Some(300), 5));
        assert!((run.whole / 300.0 - run.figure).abs() < 1e-6, "{run:?}");
    }
}
