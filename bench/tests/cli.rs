//! The command line: what it writes, what it reads, and how it ends.

#[path = "support/program.rs"]
mod program;

use backstay_bench::report::Verdict;
use program::Program;
use std::fs;
use std::process::{Command, Stdio};

#[test]
fn a_report_is_written_shown_and_compared() {
    let program = Program::new("report");
    let line =
        "compare spawn pong --sizes 5 --runtimes tokio,smol --threads 1 --reps 6 --seed 7 --quiet --out a/b";
    let (code, shown, errors) = program.run(line);
    assert_eq!((code, &*errors), (Some(0), ""), "{shown}");
    let report = program.report("a/b/run.json");
    assert_eq!(
        report.command,
        "backstay-bench compare --workload spawn,pong --runtimes tokio,smol --threads 1 --sizes 5 --reps 6 --seed 7"
    );
    assert_eq!(report.sections.len(), 2);
    for section in &report.sections {
        assert_eq!((section.rows.len(), section.series.len()), (2, 4));
        assert!(section.series.iter().all(|series| series.runs.len() == 6));
        assert!(!matches!(section.verdict, Verdict::Alone | Verdict::TooFew { .. }));
        assert!(shown.contains(&format!("\n{}, 1 thread: {};", section.label(), section.about)), "{shown}");
    }
    let markdown = fs::read_to_string(program.folder.join("a/b/report.md")).unwrap();
    assert!(markdown.contains("\n## spawn-5, 1 thread\n") && markdown.contains("\n| smol | "), "{markdown}");

    let page = fs::read_to_string(program.folder.join("a/b/report.html")).unwrap();
    assert!(page.contains("id=\"w2-1-dots-t\"") && page.contains(&report.command), "{page}");
    assert!(
        shown.ends_with("written: a/b/report.html\nwritten: a/b/run.json\nwritten: a/b/report.md\n"),
        "{shown}"
    );

    // One that was written before there were A/A tests is read too.
    let json = fs::read_to_string(program.folder.join("a/b/run.json")).unwrap();
    let older = json.replace("  \"aa\": false,\n", "");
    assert_ne!(older, json);
    program.write("older.json", &older);
    assert_eq!(program.report("older.json"), report);

    // The same again, from the file: the same table, and no change.
    let (code, again, errors) =
        program.run("report a/b/run.json --baseline a/b/run.json --fail-on regression:5%");
    assert_eq!((code, &*errors), (Some(0), ""));
    let table = |text: &str| {
        text[text.find("through backstay").unwrap()..text.find(" processes for").unwrap()].to_owned()
    };
    assert_eq!(table(&again), table(&shown));
    assert!(again.contains("0 of 8 cells changed by more than 5 %"), "{again}");

    // Everything took a hundredth of the time before: no noise is as large as that.
    let mut faster = report.clone();
    let sections = faster.sections.iter_mut();
    let readings = sections.flat_map(|section| &mut section.series).flat_map(|series| &mut series.runs);
    readings.for_each(|reading| reading.figure /= 100.0);
    program.write("faster.json", &faster.to_json());
    let against = "report a/b/run.json --baseline faster.json";
    let (code, changes, errors) = program.run(&format!("{against} --fail-on regression:50%"));
    assert_eq!((code, &*errors), (Some(3), "error: 4 regressions\n"), "{changes}");
    assert!(
        changes.contains("spawn-5, 1 thread, tokio/backstay: ") && changes.contains("+9900.0 %"),
        "{changes}"
    );
    assert!(changes.contains("8 of 8 cells changed by more than 50 %"), "{changes}");
    let (code, _, _) = program.run(&format!("{against} --fail-on regression:1000000%"));
    assert_eq!(code, Some(0));
    let (code, _, _) = program.run(against);
    assert_eq!(code, Some(0), "nobody asked to fail");

    let (_, changes, _) = program.run(&format!("{against} --fail-on regression:7%"));
    assert!(changes.contains("cells changed by more than 7 %\n"), "{changes}");

    // Nothing to compare is no success.
    faster.sections.iter_mut().for_each(|section| section.threads = 99);
    program.write("other.json", &faster.to_json());
    let (code, _, errors) = program.run("report a/b/run.json --baseline other.json --fail-on regression:5%");
    assert_eq!(code, Some(1));
    assert_eq!(errors, "error: the two reports have nothing in common\n");
}

#[test]
fn too_few_runs_say_nothing_of_an_overhead_either() {
    let program = Program::new("few");
    let line = "compare spawn --sizes 5 --threads 1 --reps 2 --quiet --out .";
    let (code, shown, errors) = program.run(line);
    assert_eq!((code, &*errors), (Some(0), ""));
    assert!(shown.contains("\n  = runtimes: too few runs to say; take --reps 6 or more\n\n"), "{shown}");
    assert_eq!(program.report("run.json").sections[0].overhead, None);
    // Nor of a regression: a check that can't fail is none.
    let (code, _, errors) = program.run("report run.json --baseline run.json --fail-on regression:5%");
    assert_eq!(code, Some(1));
    assert_eq!(errors, "error: too few runs to tell a regression; take --reps 6 or more\n");
    assert!(!fs::read_to_string(program.folder.join("report.md")).unwrap().contains("overhead shown"));
}

#[test]
fn latencies_are_taken_from_the_plan_and_shown_with_their_tail() {
    let program = Program::new("latencies");
    let line = "compare lateness --sizes 10 --rate 2000/s --threads 1 --reps 6 --quiet --out . --format json";
    let (code, shown, errors) = program.run(line);
    assert_eq!((code, &*errors), (Some(0), ""));
    let title = "\ntimer-lateness-10, 1 thread: 10 sleeps, each until its planned moment; \
                 p99 of the latency per sleep, at 2000/s\n";
    assert!(shown.contains(title), "{shown}");
    let heading = shown.lines().find(|line| line.contains(" p50 ")).unwrap();
    let columns: Vec<_> = heading.split_whitespace().collect();
    assert_eq!(columns[..6], ["p50", "p90", "p99", "p99.9", "max", "peak"], "{shown}");
    let report = program.report("run.json");
    let section = &report.sections[0];
    // Nobody wrote it by hand.
    assert_eq!((section.series.len(), section.overhead.as_ref()), (3, None));
    for reading in section.series.iter().flat_map(|series| &series.runs) {
        let latencies = reading.latencies.as_ref().unwrap();
        assert_eq!(latencies.count, 10);
        assert_eq!(latencies.buckets.iter().map(|(_, count)| count).sum::<u64>(), 10);
        assert!(latencies.buckets.is_sorted() && latencies.buckets.last().unwrap().0 >= latencies.max);
        assert_eq!(reading.figure, latencies.p99 as f64);
        let usage = reading.usage.unwrap();
        assert!(usage.cpu_seconds_per_million.unwrap() > 0.0, "{usage:?}");
    }
    assert!(section.rows.iter().all(|row| row.latencies.unwrap().max >= row.latencies.unwrap().p50));
    assert!(!program.folder.join("report.md").exists());
}

#[test]
fn what_is_wrong_is_said_before_anything_is_measured() {
    let program = Program::new("wrong");
    program.write("empty.json", "{}");
    program.write("later.json", r#"{"schema": 99}"#);
    for (line, said) in [
        ("compare --fail-on regression:5%", "--baseline"),
        ("compare --baseline none.json", "none.json: No such file"),
        ("compare --baseline empty.json", "empty.json: no report: missing field `schema`"),
        ("report later.json", "later.json: a report of version 99, and this reads version 1"),
        ("compare --baseline later.json --fail-on faster", "expected regression and a percentage"),
        ("compare --format json", "--out"),
        ("compare --reps 1001", "1001"),
        ("compare spam", "unknown workload `spam`: expected one of spawn-1k, "),
        ("measure", "unrecognized subcommand"),
    ] {
        let (code, _, errors) = program.run(line);
        assert_eq!(code, Some(2), "{line}: {errors}");
        assert!(errors.contains(said), "{line}: {errors}");
    }
}

#[test]
fn a_child_says_one_line_or_why_not() {
    let program = Program::new("child");
    let (code, line, _) = program.run("--cell tokio/bare/spawn/5/1 --rate 1/s --quick");
    assert_eq!(code, Some(0));
    assert!(line.starts_with(r#"{"reading":{"figure":"#) && line.trim_end().lines().count() == 1, "{line}");
    let (code, line, errors) = program.run("--cell tokio/bare/spam/5/1 --rate 1/s");
    assert_eq!((code, &*line), (Some(1), ""));
    assert!(errors.starts_with("error: unknown workload `spam`"), "{errors}");
}

#[test]
fn the_doctor_says_what_it_looked_at() {
    let (code, findings, _) = Program::new("doctor").run("doctor");
    assert_eq!(code, Some(0));
    for what in ["build", "cores", "cpu quota", "memory", "load", "governor", "hypervisor", "clock"] {
        assert!(findings.contains(&format!(" {what} ")), "{findings}");
    }
}

#[test]
fn nobody_has_to_listen_to_the_end() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_backstay-bench"))
        .arg("list")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Closed before a line is said, or soon after.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(0), ""));
}
