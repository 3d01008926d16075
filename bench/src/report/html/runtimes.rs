//! The runtimes of a report: what they are called, and which looks how.

use super::escape::Text;
use super::look::Look;
use super::svg::key;
use crate::report::Report;
use std::fmt::Display;

/// The runtimes of a report, in the order in which they first come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Runtimes(Vec<String>);

/// What a runtime is called.
pub(super) fn name(runtime: impl Display) -> String {
    runtime.to_string()
}

impl Runtimes {
    pub(super) fn of(report: &Report) -> Self {
        let mut names = Vec::new();
        for row in report.sections.iter().flat_map(|section| &section.rows) {
            let name = name(row.runtime);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Self(names)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.0
    }

    pub(super) fn look(&self, name: &str) -> Look {
        Look::new(self.0.iter().position(|known| known == name).unwrap_or_default())
    }

    /// Which look is whose.
    pub(super) fn legend<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> String {
        let item = |name: &'a str| format!("<li>{}{}</li>", key(self.look(name)), Text(name));
        let items: String = names.into_iter().map(item).collect();
        format!("<ul class=\"legend\">{items}</ul>")
    }
}
