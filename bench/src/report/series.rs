//! Every run of a cell.

use crate::cell::Variant;
use crate::contender::Contender;
use crate::reading::Reading;
use serde::{Deserialize, Serialize};

/// Every run of a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// On which runtime.
    pub runtime: Contender,
    /// Through what.
    pub variant: Variant,
    /// What each process said, in the order in which they ran.
    pub runs: Vec<Reading>,
    /// Why it can't be measured on this system; then there are no runs, and no row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_here: Option<String>,
}

impl Series {
    /// The figures of the runs.
    pub fn figures(&self) -> Vec<f64> {
        self.runs.iter().map(|reading| reading.figure).collect()
    }
}
