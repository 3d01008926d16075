//! One cell: the process that measures, and the one that waits for it.

use crate::cell::Cell;
use crate::failure::Failure;
use crate::host::Threads;
use crate::sample::Sampling;
use crate::start;
use crate::stats::median;
use crate::workload::Scale;
use std::env;
use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How long a child may take; one that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Measures `cell` in this process and prints nanoseconds: the median of its iterations, above the floor.
pub(super) fn measure(cell: Cell, workers: NonZeroUsize, quick: bool) -> Result<(), Failure> {
    let host = start::start(cell.backend, cell.variant, Threads::Workers(workers))?;
    let workload = cell.workload;
    let iterations = if quick { workload.iterations().div_ceil(2) } else { workload.iterations() };
    let taken = host.run(workload.job(Scale::Full), Sampling::time(iterations))?;
    let floor = workload.floor().as_nanos() as f64;
    let taken: Vec<_> = taken.into_iter().map(|nanos| nanos as f64 - floor).collect();
    if taken.iter().any(|&nanos| nanos <= 0.0) {
        return Err(Failure::Early);
    }
    println!("nanoseconds {}", median(&taken));
    Ok(())
}

/// Starts a child that measures `cell`, and waits for its nanoseconds.
pub(super) fn wait(cell: Cell, workers: NonZeroUsize, quick: bool) -> Result<f64, ChildError> {
    let failed = |why, stderr| ChildError { cell, why, stderr };
    let start = || -> io::Result<Child> {
        Command::new(env::current_exe()?)
            .args(["--cell", &cell.to_string(), "--workers", &workers.to_string()])
            .args(quick.then_some("--quick"))
            // The only way to size async-std by hand; nobody else reads it.
            .env("ASYNC_STD_THREAD_COUNT", workers.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut child = start().map_err(|error| failed(Why::Start(error), String::new()))?;
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    // Its output ends when it does.
    let Ok(stdout) = stdout.recv_timeout(LIMIT) else {
        // Whether or not this finds it alive, it is gone afterwards.
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(Why::Hung, stderr.recv().unwrap_or_default()));
    };
    let status = child.wait().map_err(|error| failed(Why::Start(error), String::new()))?;
    let stderr = stderr.recv().unwrap_or_default();
    if !status.success() {
        return Err(failed(Why::Failed(status), stderr));
    }
    parse(&stdout).ok_or_else(|| failed(Why::Said(stdout.clone()), stderr))
}

/// Reads all of it on a thread of its own, so that waiting can have a limit and no pipe fills up.
fn read(pipe: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (done, text) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What could be read until an error is all there is to show.
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = done.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    text
}

fn parse(stdout: &str) -> Option<f64> {
    stdout.trim().strip_prefix("nanoseconds ")?.parse().ok().filter(|nanos: &f64| nanos.is_finite())
}

/// A cell that could not be measured; it voids the whole run.
#[derive(Debug)]
pub(super) struct ChildError {
    cell: Cell,
    why: Why,
    stderr: String,
}

#[derive(Debug)]
enum Why {
    Start(io::Error),
    Hung,
    Failed(ExitStatus),
    Said(String),
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.cell)?;
        match &self.why {
            Why::Start(error) => write!(f, "its process: {error}")?,
            Why::Hung => write!(f, "no result within {} s", LIMIT.as_secs())?,
            Why::Failed(status) => write!(f, "its process failed ({status})")?,
            Why::Said(text) => write!(f, "its process said `{}`", text.trim())?,
        }
        match self.stderr.trim() {
            "" => Ok(()),
            stderr => write!(f, "; it wrote:\n{stderr}"),
        }
    }
}

impl Error for ChildError {}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn only_a_plain_line_is_a_result() {
        assert_eq!(parse("nanoseconds 1234.5\n"), Some(1234.5));
        assert_eq!(parse("nanoseconds NaN\n"), None);
        assert_eq!(parse("nanoseconds 1\nand more\n"), None);
        assert_eq!(parse(""), None);
    }
}
