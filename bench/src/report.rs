//! What a comparison found, as data: what is printed, written and compared with a later one.
//!
//! In JSON it is these types as they are; [`SCHEMA`] changes whenever a field changes its meaning or goes.

pub mod agreement;
pub mod baseline;
pub mod column;
pub mod date;
mod grid;
pub mod html;
pub mod markdown;
pub(crate) mod number;
mod row;
mod section;
mod series;
pub mod summary;
pub mod table;
mod twins;
mod verdict;

pub use row::{Bare, Behind, Percentiles, Row};
pub use section::Section;
pub use series::Series;
pub use twins::Twins;
pub use verdict::{Overhead, Verdict};

use crate::doctor::Finding;
use crate::environment::Environment;
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The version of the JSON.
pub const SCHEMA: u32 = 1;

/// What a comparison found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The command that does the same again.
    pub command: String,
    /// When it began: seconds since 1970, UTC.
    pub started: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The seed of the order.
    pub seed: u64,
    /// Processes of each cell.
    pub processes: u32,
    /// Whether each was cut short, for a first impression.
    pub quick: bool,
    /// Whether each runtime was compared with itself.
    #[serde(default)]
    pub aa: bool,
    /// On what, and with what.
    pub environment: Environment,
    /// What the doctor said of it before.
    pub doctor: Vec<Finding>,
    /// One for each workload, size and number of threads.
    pub sections: Vec<Section>,
}

impl Report {
    /// Reads it from a file.
    ///
    /// # Errors
    ///
    /// When there is no such file, it isn't a report, or one of another version.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let failed = |why| ReportError { path: path.to_owned(), why };
        let text = fs::read_to_string(path).map_err(|error| failed(Why::Io(error)))?;
        Self::from_json(&text).map_err(failed)
    }

    fn from_json(text: &str) -> Result<Self, Why> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        // The version first: what else differs says nothing then.
        let Version { schema } = serde_json::from_str(text).map_err(Why::Json)?;
        if schema != SCHEMA {
            return Err(Why::Schema(schema));
        }
        serde_json::from_str(text).map_err(Why::Json)
    }

    /// As JSON, with a line for each field.
    ///
    /// # Panics
    ///
    /// Never: everything in it can be said in JSON.
    pub fn to_json(&self) -> String {
        let mut text =
            serde_json::to_string_pretty(self).expect("numbers, text, lists and maps with keys of text");
        text.push('\n');
        text
    }
}

/// A file that isn't a report.
#[derive(Debug)]
pub struct ReportError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Io(io::Error),
    Json(serde_json::Error),
    Schema(u32),
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.why {
            Why::Io(error) => error.fmt(f),
            Why::Json(error) => write!(f, "no report: {error}"),
            Why::Schema(found) => write!(f, "a report of version {found}, and this reads version {SCHEMA}"),
        }
    }
}

impl Error for ReportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::Io(error) => Some(error),
            Why::Json(error) => Some(error),
            Why::Schema(_) => None,
        }
    }
}
