//! A program with a workload of its own, in a package outside this workspace, as a user of the library writes it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn one_file_compares_the_runtimes_on_a_workload_of_one_s_own() {
    let program = build();
    let run = |args: &[&str]| -> (Option<i32>, String, String) {
        let Output { status, stdout, stderr } = Command::new(&program).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    };

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
        assert!(line.starts_with(runtime) && line.contains("s ["), "{line}");
    }
    // Two runs show nothing, and nothing was written by hand.
    assert_eq!(lines.next(), Some("  = runtimes: no difference shown"));
    assert_eq!(lines.next(), Some(""));
    assert!(part.contains("2 processes for each cell"), "{part}");

    let (code, _, errors) = run(&["compare", "spam"]);
    assert_eq!((code, &*errors), (Some(2), "error: unknown workload `spam`: expected one of chain\n"));
}

#[test]
fn it_is_what_the_readme_shows() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(package.join("README.md")).unwrap();
    let program = fs::read_to_string(package.join("tests/own/src/main.rs")).unwrap();
    let (_, code) = program.split_once("\n\n").unwrap();
    assert!(readme.contains(&format!("```rust\n{code}```\n")));
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
    target.join("debug").join(format!("own{}", env::consts::EXE_SUFFIX))
}
