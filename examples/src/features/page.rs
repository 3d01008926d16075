//! The page: a pure function of what was found.

use std::fmt::{self, Write};

/// What was found, and is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its heading.
    pub title: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// The runtimes.
    pub columns: Vec<String>,
    /// The questions, and an answer for each runtime.
    pub rows: Vec<Row>,
}

/// One question, and an answer for each runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The question.
    pub label: String,
    /// The answers, in the order of the columns.
    pub cells: Vec<Cell>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// It does.
    Yes,
    /// It does this.
    Word(&'static str),
    /// It refuses, and says why: with this text.
    Refused(String),
    /// There is nothing to be asked, for this reason.
    NotApplicable(String),
    /// It should, and does not. What went wrong is not shown: it may say something else each time.
    Failed(String),
}

impl Cell {
    /// Why, if there is a reason to be shown below the table.
    fn reason(&self) -> Option<&str> {
        match self {
            Self::Refused(why) | Self::NotApplicable(why) => Some(why),
            Self::Yes | Self::Word(_) | Self::Failed(_) => None,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Yes => "yes",
            Self::Word(word) => word,
            Self::Refused(_) => "refused",
            Self::NotApplicable(_) => "n/a",
            Self::Failed(_) => "**fails**",
        })
    }
}

impl Table {
    /// What fails, where, and how.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.rows.iter().flat_map(|row| {
            row.cells.iter().zip(&self.columns).filter_map(|(cell, column)| match cell {
                Cell::Failed(how) => Some((row.label.as_str(), column.as_str(), how.as_str())),
                _ => None,
            })
        })
    }
}

/// The page of these tables, in Markdown.
pub fn render(tables: &[Table]) -> String {
    let mut page = HEAD.to_owned();
    for table in tables {
        page.push_str(&table.to_string());
    }
    page
}

const HEAD: &str = "# The runtimes, compared

<!-- Made by `cargo run -p backstay-examples --example feature_table`: what is changed by hand is lost. -->

Nobody wrote these tables: a program made every runtime, in every way it can be made, asked it, and wrote down what it
did. `scripts/runtimes` makes them again and says whether they are still true. How fast the runtimes are is the matter
of [`cargo bench`](../bench/README.md).
";

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n## {}\n\n{}\n", self.title, self.about)?;
        writeln!(f, "| | {} |", self.columns.join(" | "))?;
        writeln!(f, "|---|{}", "---|".repeat(self.columns.len()))?;
        let mut reasons: Vec<&str> = Vec::new();
        for row in &self.rows {
            let mut line = format!("| {} |", escaped(&row.label));
            for cell in &row.cells {
                match cell.reason() {
                    None => write!(line, " {cell} |")?,
                    Some(why) => {
                        let number = reasons.iter().position(|reason| *reason == why).unwrap_or_else(|| {
                            reasons.push(why);
                            reasons.len() - 1
                        });
                        write!(line, " {cell} ({}) |", number + 1)?;
                    }
                }
            }
            writeln!(f, "{line}")?;
        }
        if !reasons.is_empty() {
            writeln!(f)?;
        }
        for (index, reason) in reasons.iter().enumerate() {
            writeln!(f, "{}. {}", index + 1, escaped(reason))?;
        }
        Ok(())
    }
}

/// On one line, and no end of a cell.
fn escaped(text: &str) -> String {
    text.lines().next().unwrap_or_default().replace('|', "\\|")
}
