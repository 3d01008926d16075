//! The method held to the machine it runs on: a runtime compared with itself, and two comparisons of the same.
//!
//! What takes minutes is left out unless it is asked for, and wants an optimised build:
//!
//! ```sh
//! cargo test --release -p backstay-bench --test twins -- --ignored --nocapture
//! ```

#[path = "support/program.rs"]
mod program;

use backstay::Backend;
use backstay_bench::contender::Contender;
use backstay_bench::report::agreement::Agreement;
use backstay_bench::report::{Report, Twins, Verdict};
use program::Program;

/// Several kinds of work, the same for all that is long.
const WORK: &str = "spawn-1k yield-storm ping-pong sparse-wake blocking-burst tcp-echo-1 --threads 2 --quick";

#[test]
fn twins_are_two_series_of_one_section_each() {
    let program = Program::new("twins");
    let line = "compare spawn pong --aa --sizes 9 --runtimes tokio,smol --threads 1 --reps 6 --quiet --out .";
    let (code, shown, errors) = program.run(line);
    assert_eq!((code, &*errors), (Some(0), ""), "{shown}");
    let mut report = program.report("run.json");
    let labels: Vec<_> = report.sections.iter().map(|section| section.label()).collect();
    assert_eq!(labels, ["spawn-9/tokio", "spawn-9/smol", "ping-pong-9/tokio", "ping-pong-9/smol"]);
    for section in &report.sections {
        let backend = section.twin().unwrap();
        let names: Vec<_> = section.series.iter().map(|series| series.runtime).collect();
        assert_eq!(names, [backend.into(), Contender::twin(backend)]);
        assert!(section.series.iter().all(|series| series.runs.len() == 6));
        assert_ne!(section.series[0].runs, section.series[1].runs, "they are other processes");
        assert_eq!((section.rows.len(), section.overhead.as_ref()), (2, None));
    }
    let twins = Twins::of(&report).unwrap();
    assert_eq!(twins.cells, 4);
    assert!(shown.contains(&format!("\n{twins}\n")), "{shown}");
    assert!(shown.contains("\nspawn-9/tokio, 1 thread: ") && shown.contains("\n  tokio'  "), "{shown}");

    // All of it is judged by what judges everything else: one that is slower loses.
    for section in &mut report.sections {
        section.series[1].runs.iter_mut().for_each(|run| run.figure *= 100.0);
        section.conclude();
    }
    assert_eq!(Twins::of(&report), Some(Twins { cells: 4, named: 4 }));
    assert!(!Twins { cells: 4, named: 4 }.are_equal());
    assert!(matches!(
        report.sections[0].verdict,
        Verdict::Winner { runtime, next, .. } if runtime == Backend::Tokio && next == Contender::twin(Backend::Tokio)
    ));
}

#[test]
fn two_reports_that_say_the_contrary_are_told_apart() {
    let program = Program::new("agree");
    let line = "compare spawn pong --sizes 9 --threads 1 --reps 6 --quiet --format json --out .";
    assert_eq!(program.run(line).0, Some(0));
    let report = program.report("run.json");
    let with = |factors: [f64; 3]| {
        let mut report: Report = report.clone();
        let section = &mut report.sections[0];
        // The figures are planted, so that it is certain who is ahead.
        for series in &mut section.series {
            let factor = factors[Backend::ALL.iter().position(|&backend| series.runtime == backend).unwrap()];
            series.runs.iter_mut().for_each(|run| run.figure = 100.0 * factor);
        }
        section.conclude();
        report
    };
    let opposite = |a: [f64; 3], b: [f64; 3]| {
        let agreement = Agreement::between(&with(a), &with(b));
        assert_eq!((agreement.sections.len(), &*agreement.missing), (2, &[][..]));
        agreement.opposite().map(|both| both.opposite.len()).collect::<Vec<_>>()
    };
    let none: [usize; 0] = [];
    assert_eq!(opposite([1.0, 2.0, 3.0], [1.0, 3.0, 2.0]), none, "who is second is not said");
    assert_eq!(opposite([1.0, 2.0, 3.0], [2.0, 1.0, 3.0]), [1]);
    assert_eq!(opposite([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]), none, "nobody is no contrary");
    // Nobody wins at first, and the one that was behind wins then.
    assert_eq!(opposite([1.0, 1.0, 3.0], [2.0, 2.0, 1.0]), [1]);

    program.write("a.json", &with([1.0, 2.0, 3.0]).to_json());
    program.write("b.json", &with([2.0, 1.0, 3.0]).to_json());
    let (code, shown, errors) = program.run("agree a.json a.json");
    assert_eq!((code, &*errors), (Some(0), ""));
    assert!(shown.contains("agree     spawn-9, 1 thread\n          tokio is the fastest: "), "{shown}");
    assert!(shown.ends_with("\n0 of 2 sections name opposite winners\n"), "{shown}");
    let (code, shown, errors) = program.run("agree a.json b.json");
    assert_eq!((code, &*errors), (Some(3), "error: 1 opposite winner\n"));
    assert!(shown.contains("opposite  spawn-9, 1 thread\n          tokio is"), "{shown}");
    let mut other = report.clone();
    other.sections.truncate(1);
    other.sections[0].threads = 7;
    program.write("other.json", &other.to_json());
    let (code, shown, errors) = program.run("agree a.json other.json");
    assert_eq!((code, &*errors), (Some(1), "error: the two reports have nothing in common\n"));
    assert!(shown.contains("only one  spawn-9, 7 threads\n"), "{shown}");
}

#[test]
#[ignore = "takes minutes"]
fn a_runtime_compared_with_itself_is_no_winner_but_in_a_rare_cell() {
    let program = Program::new("twins-long");
    let (code, shown, errors) = program.run(&format!("compare {WORK} --aa --reps 21 --quiet --out ."));
    println!("{shown}");
    assert_eq!(code, Some(0), "{errors}");
    let twins = Twins::of(&program.report("run.json")).unwrap();
    assert_eq!(twins.cells, 18);
    assert!(twins.are_equal(), "{twins}");
}

#[test]
#[ignore = "takes minutes"]
fn two_comparisons_never_name_opposite_winners() {
    let program = Program::new("agree-long");
    for folder in ["one", "another"] {
        let (code, _, errors) = program.run(&format!("compare {WORK} --reps 15 --quiet --out {folder}"));
        assert_eq!(code, Some(0), "{errors}");
    }
    let (code, shown, errors) = program.run("agree one/run.json another/run.json");
    println!("{shown}");
    assert_eq!((code, &*errors), (Some(0), ""));
}
