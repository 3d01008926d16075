//! How the program was built.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::process::Command;

/// How the program was built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// What `rustc --version` said.
    pub compiler: String,
    /// `release` (as for `bench`) or `debug`.
    pub profile: String,
    /// Cargo's `opt-level`.
    pub opt_level: String,
    /// The compiler's target.
    pub target: String,
    /// Further flags for the compiler, none if empty.
    pub flags: String,
    /// Versions of the runtimes and of what else matters, from the lock file.
    pub crates: BTreeMap<String, String>,
    /// The commit of the folder that the comparison was started in, with `-dirty` if it was changed since.
    pub commit: Option<String>,
}

impl Build {
    /// That of this program.
    pub fn read() -> Self {
        Self {
            compiler: env!("BACKSTAY_BENCH_COMPILER").to_owned(),
            profile: env!("BACKSTAY_BENCH_PROFILE").to_owned(),
            opt_level: env!("BACKSTAY_BENCH_OPT_LEVEL").to_owned(),
            target: env!("BACKSTAY_BENCH_TARGET").to_owned(),
            flags: env!("BACKSTAY_BENCH_FLAGS").to_owned(),
            crates: crates(env!("BACKSTAY_BENCH_CRATES")),
            commit: commit(),
        }
    }

    /// Whether its figures mean anything: it is optimised.
    pub fn is_optimised(&self) -> bool {
        self.opt_level != "0"
    }
}

/// Of a crate that is there in several versions, all of them.
fn crates(list: &str) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::<String, String>::new();
    for (name, version) in list.split(',').filter_map(|item| item.split_once(' ')) {
        let all = versions.entry(name.to_owned()).or_default();
        if !all.is_empty() {
            all.push_str(" and ");
        }
        all.push_str(version);
    }
    versions
}

fn commit() -> Option<String> {
    let output =
        Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_in_two_versions_has_both() {
        let crates = crates("hyper 0.14.1,hyper 1.2.3,tokio 1.0.0");
        assert_eq!(crates["hyper"], "0.14.1 and 1.2.3");
        assert_eq!(crates["tokio"], "1.0.0");
        assert_eq!(super::crates("").len(), 0);
    }

    #[test]
    fn it_knows_what_it_was_built_with() {
        let build = Build::read();
        assert!(build.compiler.starts_with("rustc 1."), "{build:?}");
        assert!(!build.target.is_empty() && !build.opt_level.is_empty(), "{build:?}");
    }
}
