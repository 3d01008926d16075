//! The programs of this package and of backstay-bench that others here build and run.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs that count.
pub const COUNTING: [&str; 4] = ["instructions-peers", "allocations-peers", "instructions", "allocations"];

/// The folder of the workspace.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

/// Cargo, in the workspace; without what the cargo that runs this tells its programs.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_")
            || told.starts_with("CARGO_MANIFEST_")
            || told.starts_with("CARGO_BIN_")
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Where cargo puts what it builds.
///
/// # Errors
///
/// Where cargo doesn't say.
pub fn target() -> Result<PathBuf, Box<dyn Error>> {
    let output = cargo().args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let target = metadata["target_directory"].as_str().ok_or("cargo does not name its target directory")?;
    Ok(target.into())
}

/// Copies the programs that count into this folder, since who counts takes long, and others build.
///
/// # Errors
///
/// Where one can't be copied.
pub fn copy(target: &Path, folder: &Path, programs: &[&str]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    for program in programs {
        let from = target.join("release").join(program);
        fs::copy(&from, folder.join(program)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    Ok(())
}

/// Runs it to its end; what it prints on stdout is dropped, unless it fails.
///
/// # Errors
///
/// Where it does not start, or fails.
pub fn run(command: &mut Command) -> Result<(), Box<dyn Error>> {
    let output = command.stderr(std::process::Stdio::inherit()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stdout)).into())
}
