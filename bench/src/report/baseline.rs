//! A report beside an earlier one: what got slower, certainly.

use super::Report;
use super::number::show;
use super::series::Series;
use super::verdict::change;
use crate::cell::Variant;
use crate::contender::Contender;
use crate::stats::{Estimate, Shown, ratio_estimate};
use crate::style::Style;
use std::error::Error;
use std::fmt;
use std::fmt::Write;
use std::str::FromStr;

/// When a comparison fails: `regression:5%`, where a figure through backstay is more than 5 % above the baseline's,
/// certainly: the whole interval of their ratio is.
///
/// # Examples
///
/// ```
/// use backstay_bench::report::baseline::FailOn;
///
/// assert_eq!("regression:5%".parse(), Ok(FailOn { more_than: 0.05 }));
/// assert!("regression".parse::<FailOn>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailOn {
    /// The share by which a figure may be above the baseline's.
    pub more_than: f64,
}

impl FromStr for FailOn {
    type Err = BadFailOn;

    fn from_str(text: &str) -> Result<Self, BadFailOn> {
        let percent = text.strip_prefix("regression:").and_then(|rest| rest.strip_suffix('%'));
        let percent = percent.and_then(|percent| percent.trim().parse::<f64>().ok());
        let percent = percent.filter(|percent| percent.is_finite() && *percent >= 0.0);
        percent
            .map(|percent| Self { more_than: percent / 100.0 })
            .ok_or_else(|| BadFailOn { text: text.to_owned() })
    }
}

/// This is nothing to fail on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFailOn {
    text: String,
}

impl fmt::Display for BadFailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: expected regression and a percentage, such as regression:5%", self.text)
    }
}

impl Error for BadFailOn {}

/// A cell that is in both reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The section.
    pub section: String,
    /// On which runtime.
    pub runtime: Contender,
    /// Through what. What changed by hand too was changed by the machine, or by the runtime itself.
    pub variant: Variant,
    /// The median then, and now, in words.
    pub figures: [String; 2],
    /// That of now over that of then.
    pub ratio: Estimate,
}

/// What became of each cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Those in both reports.
    pub changes: Vec<Change>,
    /// Sections of the baseline that this report doesn't have.
    pub missing: Vec<String>,
    /// What is different about the machine or the build, so that figures may differ for that.
    pub differences: Vec<String>,
}

impl Changes {
    /// From `then` to `now`.
    pub fn between(then: &Report, now: &Report) -> Self {
        let mut changes = Self { differences: differences(then, now), ..Self::default() };
        for before in &then.sections {
            // What can't be measured on this system is no change.
            let measured = |series: &&Series| series.not_here.is_none();
            let Some(after) = now.sections.iter().find(|section| section.is_same(before)) else {
                changes.missing.push(before.title());
                continue;
            };
            for old in before.series.iter().filter(measured) {
                let again = |new: &&Series| (new.runtime, new.variant) == (old.runtime, old.variant);
                let Some(new) = after.series.iter().filter(measured).find(again) else {
                    changes.missing.push(format!("{} on {}/{}", before.title(), old.runtime, old.variant));
                    continue;
                };
                let (old_figures, new_figures) = (old.figures(), new.figures());
                let median = |figures: &[f64]| show(after.measure, crate::stats::median(figures));
                changes.changes.push(Change {
                    section: before.title(),
                    runtime: old.runtime,
                    variant: old.variant,
                    figures: [median(&old_figures), median(&new_figures)],
                    ratio: ratio_estimate(&new_figures, &old_figures),
                });
            }
        }
        changes
    }

    /// Those through backstay that are worse than allowed, certainly.
    pub fn regressions(&self, fail_on: FailOn) -> impl Iterator<Item = &Change> {
        let ours = self.changes.iter().filter(|change| change.variant != Variant::Bare);
        ours.filter(move |change| change.ratio.shows(fail_on.more_than) == Shown::More)
    }

    /// Whether there are cells in both reports, and of none of them enough runs to tell a change.
    pub fn are_unknown(&self) -> bool {
        !self.changes.is_empty() && self.changes.iter().all(|change| change.ratio.interval.is_none())
    }

    /// A line for each change that is more than `fail_on` allows, and a summary.
    pub fn words(&self, fail_on: FailOn, style: Style) -> String {
        let mut text = String::from("Against the baseline:\n");
        for difference in &self.differences {
            let _ = writeln!(text, "  {}", style.yellow(&format!("not the same: {difference}")));
        }
        for missing in &self.missing {
            let _ = writeln!(text, "  {}", style.yellow(&format!("only in the baseline: {missing}")));
        }
        let mut shown = 0;
        for change in &self.changes {
            let paint = match change.ratio.shows(fail_on.more_than) {
                Shown::Nothing => continue,
                Shown::Less => Style::green,
                Shown::More if change.variant == Variant::Bare => Style::yellow,
                Shown::More => Style::red,
            };
            shown += 1;
            let _ = writeln!(text, "  {}", paint(style, &change.to_string()));
        }
        // 0.07 times 100 is more than 7, in floats.
        let limit = (fail_on.more_than * 1e8).round() / 1e6;
        let _ = writeln!(text, "  {shown} of {} cells changed by more than {limit} %", self.changes.len());
        text
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, runtime, variant, figures: [then, now], ratio } = self;
        write!(f, "{section}, {runtime}/{variant}: {then} to {now}, {}", change(*ratio))
    }
}

/// What makes figures of two reports hard to compare.
fn differences(then: &Report, now: &Report) -> Vec<String> {
    let facts = |report: &Report| {
        let (machine, build) = (&report.environment.machine, &report.environment.build);
        let crates: Vec<_> = build.crates.iter().map(|(name, version)| format!("{name} {version}")).collect();
        [
            ("processor", machine.cpu.clone().unwrap_or_default()),
            ("cores", machine.cores.to_string()),
            ("kernel", machine.kernel.clone().unwrap_or_default()),
            ("compiler", build.compiler.clone()),
            ("profile", format!("{}, opt-level {}", build.profile, build.opt_level)),
            ("flags", build.flags.clone()),
            ("crates", crates.join(", ")),
            ("length of a process", if report.quick { "quick" } else { "full" }.to_owned()),
        ]
    };
    let pairs = facts(then).into_iter().zip(facts(now));
    let different = pairs.filter(|((_, then), (_, now))| then != now);
    different.map(|((what, then), (_, now))| format!("{what}, `{then}` then and `{now}` now")).collect()
}
