//! What a run that failed says, instead of hanging.

use crate::executor::{Executor, Stuck, Waiting, Why};
use crate::kernel::Kernel;
use crate::policy::Schedule;
use crate::task::Kind;
use backstay_core::ConfigError;
use backstay_core::runtime::Panic;
use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::thread;

/// Why a run failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// The run's future panicked.
    Panicked(Panic),
    /// Nothing can run, and nothing is due: no timer, no packet.
    Deadlock,
    /// Too many polls at one instant.
    Livelock,
    /// Too many polls.
    PollLimit,
    /// Too much virtual time.
    TimeLimit,
    /// The faults were over, and the run did not end.
    NotSettled,
    /// A task is pending, and nobody can wake it ([`Builder::strict_wakers`](crate::Builder::strict_wakers)).
    NoWaker,
    /// Something was left over: tasks, timers, sockets, what was held.
    Leak,
    /// Two runs with the same seed differ.
    NotDeterministic,
    /// Something that runs of so many seeds must reach was never reached.
    NotCovered,
    /// The configuration is invalid.
    Config(ConfigError),
}

impl FailureKind {
    const fn summary(&self) -> &'static str {
        match self {
            Self::Panicked(_) => "panicked",
            Self::Deadlock => "deadlock: nothing can run, and nothing is due",
            Self::Livelock => "livelock: too many polls at one instant",
            Self::PollLimit => "too many polls",
            Self::TimeLimit => "too much virtual time",
            Self::NotSettled => "not settled: the faults are over, and the run has not ended",
            Self::NoWaker => "a task is pending, and nobody can wake it",
            Self::Leak => "left over",
            Self::NotDeterministic => "not deterministic: two runs with the same seed differ",
            Self::NotCovered => "not covered: never reached in any run",
            Self::Config(_) => "invalid configuration",
        }
    }
}

/// A run that failed: its text is a report.
///
/// The first line is the command that repeats the run, where there is one run to be repeated. Then: what happened,
/// when; a table of the tasks that live, each with its name, where it was spawned and what it waits for; what is
/// held; the last events. The text is the same for the same seed and binary, names no absolute path, and has at
/// most 200 lines.
///
/// # Examples
///
/// ```
/// use backstay_core::Runtime;
/// use backstay_sim::{FailureKind, Sim};
///
/// let failure = Sim::builder()
///     .replay_with("program --seed {seed}")
///     .run(|rt: Sim| async move { rt.spawn_named("waiter", std::future::pending::<()>()).await })
///     .unwrap_err();
/// assert!(matches!(failure.kind(), FailureKind::Deadlock));
/// let report = failure.to_string();
/// assert!(report.starts_with("program --seed 0\ndeadlock: nothing can run, and nothing is due\n"));
/// assert!(report.contains("waiter"));
/// ```
pub struct Failure(Box<Report>);

/// What a failure says.
struct Report {
    kind: FailureKind,
    replay: Option<Replay>,
    // Set beside the seed to repeat a run.
    variable: Option<String>,
    // Virtual time, polls, seed and so on, as lines.
    facts: Vec<String>,
    tasks: Vec<Row>,
    // Titles and what is under them.
    lists: Vec<(&'static str, Vec<String>)>,
}

/// A line of the table of tasks.
struct Row([String; 6]);

/// The most rows of the table.
const TASKS: usize = 20;

/// The most lines under any title.
const LINES: usize = 30;

/// The most lines in all.
const MOST_LINES: usize = 200;

/// How to repeat a run.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    pub(crate) seed: u64,
    pub(crate) schedule: Schedule,
    pub(crate) command: Option<String>,
}

impl Replay {
    /// The command that repeats the run.
    fn command(&self) -> String {
        if let Some(command) = &self.command {
            return command.replace("{seed}", &self.seed.to_string());
        }
        let choices = match &self.schedule {
            // A list that a variable could hold is not known: how a byte is taken depends on what is ready.
            Schedule::Bytes(bytes) => {
                return format!("the same input: seed {}, and {} bytes", self.seed, bytes.len());
            }
            Schedule::Choices(list) => {
                let list: Vec<_> = list.iter().map(u32::to_string).collect();
                // After its end come zeros.
                let list = if list.is_empty() { "0".to_owned() } else { list.join(",") };
                format!(" BACKSTAY_CHOICES={list}")
            }
            _ => String::new(),
        };
        let package = env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
        // The test harness names a test's thread after the test.
        let thread = thread::current();
        let test = thread.name().filter(|name| *name != "main").map(|name| format!(" {name} -- --exact"));
        format!("BACKSTAY_SEED={}{choices} cargo test{package}{}", self.seed, test.unwrap_or_default())
    }

    /// The report of two runs that differ.
    pub(crate) fn not_deterministic(&self, runs: [String; 2]) -> Failure {
        let mut failure = Failure::plain(FailureKind::NotDeterministic, vec![("the two runs", runs.into())]);
        failure.0.replay = Some(self.clone());
        failure
    }

    /// The report of a run that can't go on.
    pub(crate) fn stuck(
        &self,
        stuck: Stuck,
        waiting: Vec<Waiting>,
        kernel: &Kernel,
        executor: &Executor,
    ) -> Failure {
        let kind = match stuck {
            Stuck::Deadlock => FailureKind::Deadlock,
            Stuck::Livelock => FailureKind::Livelock,
            Stuck::Polls => FailureKind::PollLimit,
            Stuck::Time => FailureKind::TimeLimit,
            Stuck::NotSettled => FailureKind::NotSettled,
            Stuck::NoWaker(_) => FailureKind::NoWaker,
        };
        // The culprit alone, where there is one.
        let culprit = if let Stuck::NoWaker(task) = stuck { Some(task) } else { None };
        let waiting = waiting.into_iter().filter(|waiting| culprit.is_none_or(|task| task == waiting.task));
        self.report(kind, waiting.collect(), kernel, executor, kernel.recorder.held())
    }

    pub(crate) fn report(
        &self,
        kind: FailureKind,
        waiting: Vec<Waiting>,
        kernel: &Kernel,
        executor: &Executor,
        held: Vec<String>,
    ) -> Failure {
        let facts = vec![
            format!(
                "at {:?} of virtual time, after {} polls, with {} timers set",
                kernel.now(),
                executor.polls,
                kernel.timers().len()
            ),
            format!("seed {}, {}, trace {}", self.seed, self.schedule_name(), executor.trace.hash()),
        ];
        let mut sockets = Vec::new();
        if kernel.is_networked() {
            sockets.extend(kernel.network().open_sockets());
        }
        let events = executor.trace.tail(|host| host_name(kernel, host));
        let mut waiting = waiting;
        waiting.sort_by_key(|waiting| waiting.task);
        let stacks = stacks(&waiting);
        let tasks = waiting.into_iter().map(Row::new).collect();
        let lists = vec![
            ("where they wait", stacks),
            ("held", counted(held)),
            ("open sockets", sockets),
            ("last events", events),
        ];
        Failure(Box::new(Report { kind, replay: Some(self.clone()), variable: None, facts, tasks, lists }))
    }

    fn schedule_name(&self) -> &'static str {
        match self.schedule {
            Schedule::Random => "random schedule",
            Schedule::Fifo => "FIFO schedule",
            Schedule::Lifo => "LIFO schedule",
            Schedule::RoundRobin => "round-robin schedule",
            Schedule::Pct { .. } => "PCT schedule",
            Schedule::Choices(_) => "schedule of choices",
            Schedule::Bytes(_) => "schedule of bytes",
        }
    }
}

fn host_name(kernel: &Kernel, host: u32) -> String {
    kernel.network().name_of(host).to_owned()
}

/// Where each task waits, a line for each function.
fn stacks(waiting: &[Waiting]) -> Vec<String> {
    let mut lines = Vec::new();
    for Waiting { task, frames, .. } in waiting {
        for frames in frames {
            let first = lines.len();
            lines.extend(frames.iter().map(|frame| format!("      {frame}")));
            if let Some(line) = lines.get_mut(first) {
                line.replace_range(..6, &format!("{task:<6}"));
            }
        }
    }
    lines
}

/// Each once, with how often it is there.
fn counted(held: Vec<String>) -> Vec<String> {
    let mut counts = BTreeMap::<_, u64>::new();
    for label in held {
        *counts.entry(label).or_default() += 1;
    }
    let times = |(label, count)| if count == 1 { label } else { format!("{label} ({count} times)") };
    counts.into_iter().map(times).collect()
}

impl Failure {
    pub(crate) fn config(error: ConfigError) -> Self {
        Self::plain(FailureKind::Config(error), Vec::new())
    }

    pub(crate) fn not_covered(marks: Vec<String>) -> Self {
        Self::plain(FailureKind::NotCovered, vec![("marks", marks)])
    }

    fn plain(kind: FailureKind, lists: Vec<(&'static str, Vec<String>)>) -> Self {
        Self(Box::new(Report {
            kind,
            replay: None,
            variable: None,
            facts: Vec::new(),
            tasks: Vec::new(),
            lists,
        }))
    }

    /// Why the run failed.
    pub fn kind(&self) -> &FailureKind {
        &self.0.kind
    }

    /// What is worth a line.
    pub(crate) fn summary(&self) -> String {
        let what = match &self.0.kind {
            FailureKind::Panicked(panic) => format!("panicked: {}", panic.message().unwrap_or("no message")),
            kind => kind.summary().to_owned(),
        };
        self.0.facts.iter().fold(what, |text, fact| format!("{text}; {fact}"))
    }

    /// Adds something to what the report says.
    pub(crate) fn note(mut self, note: String) -> Self {
        self.0.facts.push(note);
        self
    }

    /// Adds a variable to the command that repeats the run.
    pub(crate) fn replay_also(mut self, variable: String) -> Self {
        self.0.variable = Some(variable);
        self
    }

    /// The seed of the run that failed, if it is about one.
    pub fn seed(&self) -> Option<u64> {
        self.0.replay.as_ref().map(|replay| replay.seed)
    }

    /// The choices of the schedule, if it failed under a list of them:
    /// [`Schedule::Choices`] repeats them.
    pub fn choices(&self) -> Option<&[u32]> {
        match self.0.replay.as_ref().map(|replay| &replay.schedule) {
            Some(Schedule::Choices(list)) => Some(list),
            _ => None,
        }
    }
}

impl Row {
    fn new(waiting: Waiting) -> Self {
        let Waiting { task, site, polls, since, why, labels, .. } = waiting;
        let name = match (&site.name, site.kind) {
            (Some(name), _) => name.to_string(),
            (None, Kind::Root) => "(root)".to_owned(),
            (None, Kind::Job) => "(job)".to_owned(),
            (None, Kind::Task) => String::new(),
        };
        let labels = labels.join(", ");
        let waits = match (why, labels.is_empty()) {
            (Why::CanRun, _) => "its turn".to_owned(),
            (Why::WakeLost, _) => "nothing: it would go on, and nobody woke it".to_owned(),
            (Why::NoWaker, true) => "nobody can wake it".to_owned(),
            (Why::NoWaker, false) => format!("{labels}; nobody can wake it"),
            (Why::Waits, true) => "?".to_owned(),
            (Why::Waits, false) => labels,
        };
        let since = if polls == 0 { "never".to_owned() } else { format!("{since:?}") };
        Self(
            [task.to_string(), name, place(site.location), polls.to_string(), since, waits]
                .map(|cell| on_one_line(&cell)),
        )
    }
}

/// A place in the source; of a path that is absolute, only the end.
pub(crate) fn place(location: &Location<'_>) -> String {
    let file = location.file().replace('\\', "/");
    let is_absolute = file.starts_with('/') || file.chars().nth(1) == Some(':');
    let file = if is_absolute {
        let parts: Vec<_> = file.rsplit('/').take(3).collect();
        parts.into_iter().rev().collect::<Vec<_>>().join("/")
    } else {
        file
    };
    format!("{file}:{}", location.line())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.0.write(&mut text)?;
        // A message of many lines may be anywhere in it.
        for line in text.lines().take(MOST_LINES) {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl Report {
    fn write(&self, f: &mut impl fmt::Write) -> fmt::Result {
        if let Some(replay) = &self.replay {
            let variable = self.variable.as_ref().map(|variable| format!("{variable} "));
            writeln!(f, "{}{}", variable.unwrap_or_default(), replay.command())?;
        }
        match &self.kind {
            FailureKind::Panicked(panic) => {
                writeln!(f, "{}: {}", self.kind.summary(), panic.message().unwrap_or("no message"))?;
            }
            FailureKind::Config(error) => writeln!(f, "{}: {error}", self.kind.summary())?,
            kind => writeln!(f, "{}", kind.summary())?,
        }
        for fact in &self.facts {
            writeln!(f, "  {fact}")?;
        }
        write_table(f, &self.tasks)?;
        for (title, lines) in self.lists.iter().filter(|(_, lines)| !lines.is_empty()) {
            writeln!(f, "\n  {title}")?;
            for line in lines.iter().take(LINES) {
                writeln!(f, "    {}", on_one_line(line))?;
            }
            write_rest(f, lines.len(), LINES)?;
        }
        Ok(())
    }
}

fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn write_table(f: &mut impl fmt::Write, rows: &[Row]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    let head = ["task", "name", "spawned at", "polls", "last polled", "waits for"];
    let width = |column: usize| {
        let cells = rows.iter().take(TASKS).map(|row| row.0[column].chars().count());
        cells.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    writeln!(f)?;
    let mut line = |cells: [&str; 6]| {
        let line: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(f, "    {}", line.join("  ").trim_end())
    };
    line(head)?;
    for Row(cells) in rows.iter().take(TASKS) {
        line(std::array::from_fn(|column| cells[column].as_str()))?;
    }
    write_rest(f, rows.len(), TASKS)
}

fn write_rest(f: &mut impl fmt::Write, all: usize, shown: usize) -> fmt::Result {
    if all > shown { writeln!(f, "    … and {} more", all - shown) } else { Ok(()) }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As `expect` and `unwrap` show it: the report is made to be read.
        writeln!(f, "{self}")
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.kind {
            FailureKind::Config(error) => Some(error),
            _ => None,
        }
    }
}
