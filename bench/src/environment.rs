//! What a comparison was made on, and with: a figure without it is nobody's.

mod build;
mod clock;
mod limits;
mod machine;

pub use build::Build;
pub use clock::Clock;
pub use limits::Limits;
pub use machine::Machine;

use serde::{Deserialize, Serialize};
use std::path::Path;

/// What a comparison was made on, and with. What can't be found out is `None`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// The processor, the kernel, the memory.
    pub machine: Machine,
    /// What the control group allows.
    pub limits: Limits,
    /// What time is taken with.
    pub clock: Clock,
    /// How the program was built.
    pub build: Build,
    /// How many wanted to run in the minute before the comparison.
    pub load_before: Option<f64>,
    /// How many in its last minute, itself among them.
    pub load_after: Option<f64>,
}

impl Environment {
    /// That of this process.
    pub fn read() -> Self {
        let root = Path::new("/");
        Self {
            machine: Machine::read(root),
            limits: Limits::read(root),
            clock: Clock::read(root),
            build: Build::read(),
            load_before: load(root),
            load_after: None,
        }
    }

    /// Takes the load down once more, at the end.
    pub fn end(&mut self) {
        self.load_after = load(Path::new("/"));
    }
}

/// The mean number of those that wanted to run in the last minute.
fn load(root: &Path) -> Option<f64> {
    word(root, "proc/loadavg")?.parse().ok()
}

/// The first word of a file below `root`.
fn word(root: &Path, path: &str) -> Option<String> {
    let text = std::fs::read_to_string(root.join(path)).ok()?;
    text.split_whitespace().next().map(str::to_owned)
}
