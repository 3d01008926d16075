//! A program with a workload of its own, in a package outside this workspace, as a user of the library writes it.

use backstay_bench::report::{Report, Verdict};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

#[test]
fn one_file_compares_the_runtimes_on_a_workload_of_one_s_own() {
    let run = |args: &[&str]| run("own", args);
    let (code, list, _) = run(&["list"]);
    assert_eq!(
        (code, &*list),
        (Some(0), "chain-1k            1000 tasks, one after the other; time per task\n")
    );

    let (code, report, errors) =
        run(&["compare", "--sizes", "20", "--threads", "1", "--reps", "2", "--seed", "1"]);
    assert_eq!(code, Some(0), "{errors}");
    let (_, part) =
        report.split_once("\nchain-20, 1 thread: 20 tasks, one after the other; time per task\n").unwrap();
    let mut lines = part.lines();
    for runtime in ["tokio", "smol", "async-std"] {
        let line = lines.next().unwrap().trim_start();
        assert!(line.starts_with(runtime) && line.contains("s "), "{line}");
    }
    assert!(lines.next().unwrap().trim_start().starts_with("ops/s [95 %]  "), "{part}");
    // Two runs show nothing, and nothing was written by hand.
    let mut lines = lines.skip(3);
    assert_eq!(lines.next(), Some("  = runtimes: too few runs to say; take --reps 6 or more"));
    assert_eq!(lines.next(), Some(""));
    assert!(part.contains("2 processes for each cell"), "{part}");

    let (code, _, errors) = run(&["compare", "spam"]);
    assert_eq!((code, &*errors), (Some(2), "error: unknown workload `spam`: expected one of chain-1k\n"));
}

#[test]
fn what_can_t_be_measured_on_this_system_is_said_and_the_rest_goes_on() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("elsewhere");
    let args = ["compare", "--sizes", "9", "--threads", "1", "--reps", "6", "--quiet", "--out"];
    let (code, shown, errors) = run("elsewhere", &[&args[..], &[folder.to_str().unwrap()]].concat());
    assert_eq!((code, &*errors), (Some(0), ""), "{shown}");
    let (_, part) = shown.split_once("\nelsewhere-9, 1 thread: 9 tasks; time per task\n").unwrap();
    let starts: Vec<_> = part.lines().take(2).map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(starts, ["tokio", "smol"]);
    let why = "not measured: async-std/backstay: there is no such file\n";
    assert!(part.contains(&format!("\n  = {why}  = runtimes: ")), "{part}");
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    assert!(read("report.md").contains(&format!("\n* {why}")), "{}", read("report.md"));
    assert!(read("run.json").contains(r#""not_here": "there is no such file""#));
    let report = Report::read(&folder.join("run.json")).unwrap();
    let runs: Vec<_> = report.sections[0].series.iter().map(|series| series.runs.len()).collect();
    assert_eq!((runs, report.sections[0].rows.len()), (vec![6, 6, 0], 2));
    assert!(!matches!(report.sections[0].verdict, Verdict::Alone | Verdict::TooFew { .. }));

    // Nor is it a change.
    let file = folder.join("run.json");
    let file = file.to_str().unwrap();
    let (code, shown, errors) =
        run("elsewhere", &["report", file, "--baseline", file, "--fail-on", "regression:5%"]);
    assert_eq!((code, &*errors), (Some(0), ""), "{shown}");
    assert!(shown.contains("0 of 2 cells changed"), "{shown}");

    let (_, list, _) = run("elsewhere", &["list"]);
    assert!(list.ends_with("elsewhere-10k       10000 tasks; time per task; large\n"), "{list}");
}

#[test]
fn it_is_what_the_readme_shows() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(package.join("README.md")).unwrap();
    let program = fs::read_to_string(package.join("tests/own/src/main.rs")).unwrap();
    let (_, code) = program.split_once("\n\n").unwrap();
    assert!(readme.contains(&format!("```rust\n{code}```\n")));
}

/// Its code, what it says, and what it complains of.
fn run(program: &str, args: &[&str]) -> (Option<i32>, String, String) {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(build);
    let program = BUILT.join(format!("{program}{}", env::consts::EXE_SUFFIX));
    let Output { status, stdout, stderr } = Command::new(&program).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// Builds it beside this workspace's own packages, so that the registry's need not be built again.
fn build() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/own");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    // With the versions that are known to be here.
    fs::copy(package.join("../../../Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--offline", "--target-dir"])
        .arg(target)
        .current_dir(&package)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    target.join("debug")
}
