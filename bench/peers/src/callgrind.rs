//! Instructions of one process, counted by valgrind's callgrind.
//!
//! What a count must not depend on is kept from it:
//!
//! | what would show | what is done |
//! |---|---|
//! | the variables and the folder of who calls: where the stack begins, by which copies are aligned | no variables but two, and the program by a short path; see also [`counting`](crate::counting) |
//! | the processor: glibc takes other string functions on another | it is told to take those that every x86-64 has |
//! | what else the machine does | nothing: instructions are counted, and not time |

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// String functions of glibc that every x86-64 has, and the sizes from which others would be taken.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX2_Usable,-AVX512F,-AVX512VL,-AVX512BW,-BMI1,-BMI2,-LZCNT,\
    -MOVBE,-POPCNT,-SSE3,-SSSE3,-SSE4_1,-SSE4_2,-ERMS,-FSRM,-XSAVEC,-RTM,-AVX_Fast_Unaligned_Load,-Fast_Rep_String\
    :glibc.cpu.x86_non_temporal_threshold=0xc0000:glibc.cpu.x86_rep_movsb_threshold=0x800\
    :glibc.cpu.x86_rep_stosb_threshold=0x800";

/// valgrind, where it was found.
#[derive(Clone, Debug)]
pub struct Callgrind {
    path: PathBuf,
    version: String,
}

/// What went wrong.
#[derive(Debug)]
pub enum Failed {
    /// It did not start.
    Start(io::Error),
    /// It, or what it ran, ended with an error, or it counted nothing.
    Run(String),
}

impl Callgrind {
    /// That of this machine; `None` where there is none.
    pub fn find() -> Option<Self> {
        let folders = env::var_os("PATH")?;
        let path =
            env::split_paths(&folders).map(|folder| folder.join("valgrind")).find(|path| path.is_file())?;
        let output =
            Command::new(&path).arg("--version").output().ok().filter(|output| output.status.success())?;
        let version =
            String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("valgrind-").to_owned();
        Some(Self { path, version })
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The instructions of `program`: of all of it, or only of functions whose name begins so, and what they call.
    ///
    /// # Errors
    ///
    /// Where it can't be started, fails, or counts none.
    pub fn instructions(&self, program: &Path, args: &[&str], only: Option<&str>) -> Result<u64, Failed> {
        let output = self.command(program, args, only).output().map_err(Failed::Start)?;
        collected(&output).ok_or_else(|| Failed::Run(String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    fn command(&self, program: &Path, args: &[&str], only: Option<&str>) -> Command {
        let mut command = Command::new(&self.path);
        command.env_clear().env("GLIBC_TUNABLES", TUNABLES).env("ASYNC_STD_THREAD_COUNT", "1");
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--vgdb=no"]);
        if let Some(only) = only {
            command.arg("--collect-atstart=no").arg(format!("--toggle-collect={only}*"));
        }
        match (program.parent(), program.file_name()) {
            (Some(folder), Some(name)) if !folder.as_os_str().is_empty() => {
                command.current_dir(folder).arg(Path::new(".").join(name))
            }
            _ => command.arg(program),
        };
        command.args(args);
        command
    }
}

fn collected(output: &Output) -> Option<u64> {
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    count.filter(|&count| output.status.success() && count > 0)
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(_) => f.write_str("valgrind does not start"),
            Self::Run(said) => write!(f, "valgrind counted nothing, and said: {said}"),
        }
    }
}

impl std::error::Error for Failed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start(error) => Some(error),
            Self::Run(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_valgrind_says_is_read_only_where_it_and_the_program_ended_well() {
        use std::os::unix::process::ExitStatusExt;
        let output = |code: i32, said: &str| Output {
            status: std::process::ExitStatus::from_raw(code << 8),
            stdout: Vec::new(),
            stderr: said.as_bytes().to_vec(),
        };
        assert_eq!(collected(&output(0, "==1== \n==1== Collected : 3300414\n")), Some(3_300_414));
        assert_eq!(collected(&output(1, "==1== Collected : 3300414\n")), None);
        assert_eq!(collected(&output(0, "==1== Collected : 0\n")), None);
        assert_eq!(collected(&output(0, "no such tool")), None);
    }
}
