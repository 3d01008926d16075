//! Two reports side by side: whether they name opposite winners.

use super::verdict::Verdict;
use super::{Report, Section};
use crate::contender::Contender;
use crate::style::Style;
use std::fmt::Write;

/// What two comparisons say of the same sections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Sections that both have.
    pub sections: Vec<Both>,
    /// Sections that only one of them has.
    pub missing: Vec<String>,
}

/// A section that both have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Both {
    /// Which.
    pub section: String,
    /// What each says, in words.
    pub words: [String; 2],
    /// Pairs of which the first report says that this one is ahead of that one, and the second the contrary.
    pub opposite: Vec<(Contender, Contender)>,
}

impl Agreement {
    /// Of these two, whichever was first.
    pub fn between(a: &Report, b: &Report) -> Self {
        let mut agreement = Self::default();
        let other = |of: &Section, report: &Report| report.sections.iter().any(|section| section.is_same(of));
        for one in &a.sections {
            let Some(another) = b.sections.iter().find(|section| section.is_same(one)) else {
                agreement.missing.push(one.title());
                continue;
            };
            let contrary = ahead(another);
            let opposite = ahead(one).into_iter().filter(|&(first, then)| contrary.contains(&(then, first)));
            agreement.sections.push(Both {
                section: one.title(),
                words: [one, another]
                    .map(|section| section.verdict.words(section.measure).unwrap_or_default()),
                opposite: opposite.collect(),
            });
        }
        agreement.missing.extend(b.sections.iter().filter(|of| !other(of, a)).map(Section::title));
        agreement
    }

    /// Those where one report says the contrary of the other.
    pub fn opposite(&self) -> impl Iterator<Item = &Both> {
        self.sections.iter().filter(|both| !both.opposite.is_empty())
    }

    /// Of each section what both say, and a summary.
    pub fn words(&self, style: Style) -> String {
        let mut text = String::new();
        for Both { section, words: [one, another], opposite } in &self.sections {
            let mark = if opposite.is_empty() { style.green("agree   ") } else { style.red("opposite") };
            let _ = writeln!(text, "{mark}  {section}\n          {one}\n          {another}");
        }
        for missing in &self.missing {
            let _ = writeln!(text, "{}", style.yellow(&format!("only one  {missing}")));
        }
        let _ = writeln!(
            text,
            "{} of {} sections name opposite winners",
            self.opposite().count(),
            self.sections.len()
        );
        text
    }
}

/// Who is shown to be ahead of whom.
fn ahead(section: &Section) -> Vec<(Contender, Contender)> {
    match &section.verdict {
        Verdict::Winner { runtime, .. } => {
            let others = section.rows.iter().map(|row| row.runtime).filter(|other| other != runtime);
            others.map(|other| (*runtime, other)).collect()
        }
        Verdict::NoClearWinner { level, behind } | Verdict::TooNoisy { level, behind, .. } => level
            .first()
            .map(|first| behind.iter().map(|other| (*first, *other)).collect())
            .unwrap_or_default(),
        Verdict::Alone | Verdict::TooFew { .. } => Vec::new(),
    }
}
