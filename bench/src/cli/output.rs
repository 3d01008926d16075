//! What is done with a report: printed, written, compared with an earlier one.

use super::{Failed, USAGE};
use crate::report::baseline::{Changes, FailOn};
use crate::report::html::html;
use crate::report::markdown::markdown;
use crate::report::table::table;
use crate::report::{Report, ReportError};
use crate::say::say;
use crate::stats::FEWEST;
use crate::style::Style;
use clap::{Args, ValueEnum};
use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Something got slower than allowed, or is the contrary of what it was.
const FOUND: u8 = 3;

/// Changes of more than 5 % are shown where no limit was given.
const SHOWN: FailOn = FailOn { more_than: 0.05 };

/// What is done with a report.
#[derive(Clone, Debug, Args)]
pub(super) struct OutputArgs {
    /// Writes the report to files in this folder, which is made
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,

    /// In these formats
    #[arg(
        long,
        value_name = "FORMATS",
        value_delimiter = ',',
        default_value = "html,json,md",
        requires = "out"
    )]
    format: Vec<Format>,

    /// Compares with this report, a run.json
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,

    /// Fails with code 3 where a figure is more than so much above the baseline's, certainly: regression:5%
    #[arg(long, value_name = "LIMIT", requires = "baseline")]
    fail_on: Option<FailOn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// report.html: a page that needs nothing else
    Html,
    /// run.json: all of it, every run included
    Json,
    /// report.md
    Md,
}

impl Format {
    const fn file(self) -> &'static str {
        match self {
            Self::Html => "report.html",
            Self::Json => "run.json",
            Self::Md => "report.md",
        }
    }

    fn text(self, report: &Report) -> String {
        match self {
            Self::Html => html(report),
            Self::Json => report.to_json(),
            Self::Md => markdown(report),
        }
    }
}

/// [`OutputArgs`], with all that can fail done before anything is measured.
pub(super) struct Output {
    args: OutputArgs,
    baseline: Option<Report>,
}

impl OutputArgs {
    /// Writes the page and the JSON into this folder, if nobody said where.
    pub(super) fn or_into(mut self, folder: impl FnOnce() -> PathBuf) -> Self {
        if self.out.is_none() {
            self.out = Some(folder());
            self.format = vec![Format::Html, Format::Json];
        }
        self
    }

    pub(super) fn prepare(&self) -> Result<Output, Failed> {
        let read = |path: &PathBuf| Report::read(path);
        let baseline = self
            .baseline
            .as_ref()
            .map(read)
            .transpose()
            .map_err(|error: ReportError| Failed { error: Box::new(error), code: USAGE })?;
        if let Some(folder) = &self.out {
            fs::create_dir_all(folder).map_err(|error| not_written(folder, error))?;
        }
        Ok(Output { args: self.clone(), baseline })
    }
}

impl Output {
    pub(super) fn of(&self, report: &Report) -> Result<(), Failed> {
        let style = Style::of(&io::stdout());
        say(table(report, style).trim_end());
        let written = self.write(report)?;
        let outcome = self.compare(report, style);
        // At the end, where they are found.
        for path in written {
            say(format_args!("written: {}", path.display()));
        }
        outcome
    }

    fn write(&self, report: &Report) -> Result<Vec<PathBuf>, Failed> {
        let Some(folder) = &self.args.out else {
            return Ok(Vec::new());
        };
        let write = |format: &Format| {
            let path = folder.join(format.file());
            fs::write(&path, format.text(report)).map_err(|error| not_written(&path, error))?;
            Ok(path)
        };
        self.args.format.iter().map(write).collect()
    }

    fn compare(&self, report: &Report, style: Style) -> Result<(), Failed> {
        let Some(baseline) = &self.baseline else {
            return Ok(());
        };
        let changes = Changes::between(baseline, report);
        say(format_args!("\n{}", changes.words(self.args.fail_on.unwrap_or(SHOWN), style).trim_end()));
        let Some(fail_on) = self.args.fail_on else {
            return Ok(());
        };
        if changes.are_unknown() {
            return Err(Failed { error: Box::new(Gate::TooFew), code: 1 });
        }
        gate(changes.changes.is_empty(), changes.regressions(fail_on).count(), "regression")
    }
}

/// Fails where nothing could be compared, or so much was found of what shouldn't be.
pub(super) fn gate(nothing: bool, found: usize, what: &'static str) -> Result<(), Failed> {
    match found {
        _ if nothing => Err(Failed { error: Box::new(Gate::Nothing), code: 1 }),
        0 => Ok(()),
        _ => Err(Failed { error: Box::new(Gate::Found(found, what)), code: FOUND }),
    }
}

fn not_written(path: &Path, error: io::Error) -> Failed {
    Failed { error: Box::new(NotWritten { path: path.to_owned(), error }), code: 1 }
}

/// What a comparison of two reports fails with.
#[derive(Debug)]
enum Gate {
    Nothing,
    TooFew,
    Found(usize, &'static str),
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("the two reports have nothing in common"),
            Self::TooFew => write!(f, "too few runs to tell a regression; take --reps {FEWEST} or more"),
            Self::Found(1, what) => write!(f, "1 {what}"),
            Self::Found(count, what) => write!(f, "{count} {what}s"),
        }
    }
}

impl Error for Gate {}

/// A file or folder that could not be written.
#[derive(Debug)]
struct NotWritten {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for NotWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl Error for NotWritten {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}
