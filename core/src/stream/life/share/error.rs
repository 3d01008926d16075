//! What a reader gets where it gets no item.

use crate::runtime::Panic;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a reader of a shared stream has got no item.
// Exhaustive: items were missed, or none will come.
#[derive(Clone, Debug)]
pub enum ShareError {
    /// So many items were missed, because the reader did not keep up.
    Lagged(u64),
    /// The source panicked: every reader is told, with the same panic, after what it has still to read, and that is
    /// its end.
    Panicked(Arc<Panic>),
}

impl PartialEq for ShareError {
    /// Whether as many were missed, or it is the same panic of the same source.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Lagged(missed), Self::Lagged(others)) => missed == others,
            (Self::Panicked(panic), Self::Panicked(other)) => Arc::ptr_eq(panic, other),
            _ => false,
        }
    }
}

impl Eq for ShareError {}

impl fmt::Display for ShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lagged(missed) => write!(f, "{missed} items were missed"),
            Self::Panicked(panic) => match panic.message() {
                Some(message) => write!(f, "the shared stream panicked: {message}"),
                None => f.write_str("the shared stream panicked"),
            },
        }
    }
}

impl Error for ShareError {}
