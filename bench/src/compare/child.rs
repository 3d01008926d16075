//! One cell: the process that measures, and the one that waits for it.

use crate::cell::Cell;
use crate::entry::Entry;
use crate::failure::Failure;
use crate::host::Threads;
use crate::memory;
use crate::reading::Reading;
use crate::registry::{Registry, UnknownWorkload};
use crate::sample::Sampling;
use crate::start;
use crate::usage;
use crate::workload::{Load, Measure, Rate};
use clap::Parser;
use serde::{Deserialize, Serialize};
use std::env;
use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// The first argument of a child.
pub(crate) const CELL: &str = "--cell";

/// How much longer a child may take than its runs do at least.
const LIMIT: Duration = Duration::from_secs(60);

/// What a child is told.
#[derive(Debug, Parser)]
pub(crate) struct ChildArgs {
    /// Measures this cell in this process
    #[arg(long)]
    cell: Cell,
    #[arg(long)]
    rate: Rate,
    #[arg(long)]
    quick: bool,
}

/// What a child says, in one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// What it found out.
    Reading(Reading),
    /// Why it can't be measured on this system.
    NotHere(String),
}

/// Measures a cell in this process, and prints one line: its [`Answer`].
pub(crate) fn measure(args: &ChildArgs, registry: &Registry) -> Result<(), ChildFailure> {
    let cell = &args.cell;
    let entry = registry.get(&cell.workload)?;
    let load = Load::new(cell.size.get()).at(args.rate);
    let answer = match reading(cell, entry, load, args.quick) {
        Ok(reading) => Answer::Reading(reading),
        Err(Failure::NotHere(why)) => Answer::NotHere(why.to_string()),
        Err(failure) => return Err(failure.into()),
    };
    println!("{}", serde_json::to_string(&answer)?);
    Ok(())
}

fn reading(cell: &Cell, entry: &Entry, load: Load, quick: bool) -> Result<Reading, Failure> {
    let (sampling, tasks) = (sampling(entry, load, quick), entry.tasks(load));
    tasks.map_or(Ok(()), memory::room)?;
    let host = start::start(cell.runtime.backend(), cell.variant, Threads::Workers(cell.threads))?;
    // What is read takes longer the more threads there are, and would be a part of a start: where nothing is shown for
    // each operation or task, nothing is read before.
    let is_counted = tasks.is_some() || entry.measure() != Measure::Quantity;
    let start = if is_counted { usage::start() } else { usage::Start::default() };
    let runs = host.run(entry, load, sampling)?;
    let mut reading = Reading::new(&runs, entry.floor(load))?;
    let all = u64::from(sampling.iterations) + u64::from(sampling.warm_up);
    reading.usage = Some(start.end(reading.operations().map(|each| each * all), tasks));
    Ok(reading)
}

fn sampling(entry: &Entry, load: Load, quick: bool) -> Sampling {
    let iterations = entry.iterations(load).max(1);
    let iterations = if quick { iterations.div_ceil(2) } else { iterations };
    Sampling { warm_up: entry.warm_up(load), ..Sampling::time(iterations) }
}

/// How long a child may take: a minute more than its runs take at least, as those of an open loop at a low rate do. One
/// that takes longer hangs.
pub(crate) fn limit(entry: &Entry, load: Load, quick: bool) -> Duration {
    let Sampling { iterations, warm_up, .. } = sampling(entry, load, quick);
    LIMIT.saturating_add(entry.floor(load).saturating_mul(iterations.saturating_add(warm_up)))
}

/// Starts a child that measures `cell`, and waits for what it says, so long at most.
pub(crate) fn wait(cell: &Cell, rate: Rate, quick: bool, limit: Duration) -> Result<Answer, ChildError> {
    let failed = |why, stderr| ChildError { cell: cell.clone(), why, stderr };
    let start = || -> io::Result<Child> {
        Command::new(env::current_exe()?)
            .args([CELL, &cell.to_string(), "--rate", &rate.to_string()])
            .args(quick.then_some("--quick"))
            // The only way to size async-std by hand; nobody else reads it.
            .env("ASYNC_STD_THREAD_COUNT", cell.threads.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let mut child = start().map_err(|error| failed(Why::Start(error), String::new()))?;
    let (stdout, stderr) = (read(child.stdout.take()), read(child.stderr.take()));
    // Its output ends when it does.
    let Ok(stdout) = stdout.recv_timeout(limit) else {
        // Whether or not this finds it alive, it is gone afterwards.
        let _ = child.kill();
        let _ = child.wait();
        return Err(failed(Why::Hung(limit), stderr.recv().unwrap_or_default()));
    };
    let status = child.wait().map_err(|error| failed(Why::Start(error), String::new()))?;
    let stderr = stderr.recv().unwrap_or_default();
    if !status.success() {
        return Err(failed(Why::Failed(status), stderr));
    }
    serde_json::from_str(&stdout).map_err(|error| failed(Why::Said(stdout.clone(), error), stderr))
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

/// Why a child has no reading.
#[derive(Debug)]
pub(crate) enum ChildFailure {
    Unknown(UnknownWorkload),
    Work(Failure),
    Said(serde_json::Error),
}

impl fmt::Display for ChildFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(error) => error.fmt(f),
            Self::Work(error) => error.fmt(f),
            Self::Said(error) => write!(f, "its figures: {error}"),
        }
    }
}

impl Error for ChildFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unknown(error) => error.source(),
            Self::Work(error) => error.source(),
            Self::Said(error) => Some(error),
        }
    }
}

impl From<UnknownWorkload> for ChildFailure {
    fn from(error: UnknownWorkload) -> Self {
        Self::Unknown(error)
    }
}

impl From<Failure> for ChildFailure {
    fn from(error: Failure) -> Self {
        Self::Work(error)
    }
}

impl From<serde_json::Error> for ChildFailure {
    fn from(error: serde_json::Error) -> Self {
        Self::Said(error)
    }
}

/// A cell that could not be measured; it voids the whole run.
#[derive(Debug)]
pub(crate) struct ChildError {
    cell: Cell,
    why: Why,
    stderr: String,
}

#[derive(Debug)]
enum Why {
    Start(io::Error),
    Hung(Duration),
    Failed(ExitStatus),
    Said(String, serde_json::Error),
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.cell)?;
        match &self.why {
            Why::Start(error) => write!(f, "its process: {error}")?,
            Why::Hung(limit) => write!(f, "no result within {} s", limit.as_secs())?,
            Why::Failed(status) => write!(f, "its process failed ({status})")?,
            Why::Said(text, error) => write!(f, "its process said `{}`: {error}", text.trim())?,
        }
        match self.stderr.trim() {
            "" => Ok(()),
            stderr => write!(f, "; it wrote:\n{stderr}"),
        }
    }
}

impl Error for ChildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::Start(error) => Some(error),
            Why::Said(_, error) => Some(error),
            Why::Hung(_) | Why::Failed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::{Spawn, TimerLateness};
    use std::num::NonZeroU64;

    #[test]
    fn a_plan_that_takes_longer_than_a_minute_has_its_time() {
        let hour = Load::new(NonZeroU64::new(3_600).unwrap()).at("1/s".parse().unwrap());
        // Once to warm up, and once.
        assert_eq!(limit(&Entry::of(TimerLateness), hour, false), Duration::from_secs(2 * 3_600 + 60));
        assert_eq!(limit(&Entry::of(Spawn), hour, false), LIMIT);
        let ages = Load::new(NonZeroU64::MAX).at("1/s".parse().unwrap());
        assert!(limit(&Entry::of(TimerLateness), ages, true) > Duration::from_secs(u64::from(u32::MAX)));
    }
}
