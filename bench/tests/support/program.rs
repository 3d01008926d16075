//! The program in an empty folder of its own.

use backstay_bench::report::Report;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program in an empty folder of its own.
pub(crate) struct Program {
    pub(crate) folder: PathBuf,
}

impl Program {
    pub(crate) fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    /// Its code, what it says, and what it complains of.
    pub(crate) fn run(&self, line: &str) -> (Option<i32>, String, String) {
        let program = env!("CARGO_BIN_EXE_backstay-bench");
        let Output { status, stdout, stderr } =
            Command::new(program).args(line.split_whitespace()).current_dir(&self.folder).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    }

    pub(crate) fn report(&self, file: &str) -> Report {
        Report::read(&self.folder.join(file)).unwrap()
    }

    #[allow(dead_code, reason = "not every test writes")]
    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).unwrap();
    }
}
