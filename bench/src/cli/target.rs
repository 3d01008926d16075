//! Where `cargo bench` leaves its reports.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A folder of its own for each run, below cargo's target directory: `target/backstay-bench/1764169262`, named by the
/// seconds since 1970. An earlier one is there for `--baseline`.
pub(super) fn folder() -> PathBuf {
    let told = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = env::current_exe().ok().and_then(|program| of(&program)).or(told);
    let reports = target.unwrap_or_else(|| PathBuf::from("target")).join("backstay-bench");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    free(&reports, now)
}

/// The target directory that a program is in: cargo marks it so that backups leave it out.
fn of(program: &Path) -> Option<PathBuf> {
    program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file()).map(Path::to_owned)
}

/// The first name from `number` on that nobody has.
fn free(reports: &Path, number: u64) -> PathBuf {
    let mut names = (number..).map(|number| reports.join(number.to_string()));
    names.find(|folder| fs::symlink_metadata(folder).is_err()).unwrap_or_else(|| reports.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_in_the_target_directory_too() {
        let program = env::current_exe().unwrap();
        let target = of(&program).unwrap();
        assert!(program.starts_with(&target) && target.join("CACHEDIR.TAG").is_file());
        assert_eq!(of(Path::new("/nowhere/at/all")), None);
    }

    #[test]
    fn a_folder_that_is_there_is_left_alone() {
        let folder = env::temp_dir().join(format!("backstay-bench-{}", std::process::id()));
        fs::create_dir_all(folder.join("7")).unwrap();
        assert_eq!(free(&folder, 6), folder.join("6"));
        assert_eq!(free(&folder, 7), folder.join("8"));
        fs::remove_dir_all(folder).unwrap();
    }
}
