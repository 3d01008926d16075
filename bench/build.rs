//! Tells the program what it was built with, so that its reports can say so.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a comparison depends on.
const CRATES: [&str; 8] =
    ["async-executor", "async-io", "async-std", "backstay", "futures", "hyper", "smol", "tokio"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let told = |name: &str| env::var(name).unwrap_or_default();
    tell("COMPILER", &compiler().unwrap_or_default());
    tell("PROFILE", &told("PROFILE"));
    tell("OPT_LEVEL", &told("OPT_LEVEL"));
    tell("TARGET", &told("TARGET"));
    // Cargo separates them by a character that nobody types.
    tell("FLAGS", &told("CARGO_ENCODED_RUSTFLAGS").replace('\u{1f}', " "));
    tell("CRATES", &lock_file().map_or_else(String::new, |path| versions(&path)));
}

fn tell(name: &str, value: &str) {
    println!("cargo:rustc-env=BACKSTAY_BENCH_{name}={}", value.trim());
}

fn compiler() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()
}

/// The one beside the target directory: that of the program which is built, whoever's it is.
fn lock_file() -> Option<PathBuf> {
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    out.ancestors().map(|folder| folder.join("Cargo.lock")).find(|path| path.is_file())
}

/// `name version` of each, separated by commas.
fn versions(lock: &Path) -> String {
    println!("cargo:rerun-if-changed={}", lock.display());
    let text = fs::read_to_string(lock).unwrap_or_default();
    let mut found = Vec::new();
    for package in text.split("[[package]]") {
        let field = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
            line.and_then(|rest| rest.strip_suffix('"'))
        };
        if let (Some(name), Some(version)) = (field("name"), field("version"))
            && CRATES.contains(&name)
        {
            found.push(format!("{name} {version}"));
        }
    }
    found.join(",")
}
