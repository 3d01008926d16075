//! What a stream says that has been waited for too long.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A limit on a stream's time has passed: which one, and how long it was. The last item of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamTimeout {
    /// No item came for so long: [`FlowExt::item_timeout`](crate::stream::FlowExt::item_timeout).
    Item {
        /// How long was waited.
        limit: Duration,
    },
    /// Not even the first item came: [`FlowExt::first_timeout`](crate::stream::FlowExt::first_timeout).
    First {
        /// How long was waited.
        limit: Duration,
    },
    /// The stream had not ended: [`FlowExt::total_timeout`](crate::stream::FlowExt::total_timeout).
    Total {
        /// How long it had.
        limit: Duration,
    },
}

impl StreamTimeout {
    /// How long the limit was.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay::stream::FlowExt;
    /// use backstay::testing::{Failure, Sim};
    /// use futures::{StreamExt, stream};
    /// use std::time::Duration;
    ///
    /// let run = Sim::builder().run(|rt: Sim| async move {
    ///     let mut hangs = stream::pending::<u32>().item_timeout(&rt, Duration::from_secs(30));
    ///     hangs.next().await.expect("an item").expect_err("it is too late")
    /// })?;
    /// assert_eq!(run.value.limit(), Duration::from_secs(30));
    /// assert_eq!(run.value.to_string(), "no item came within 30s");
    /// # Ok::<(), Failure>(())
    /// ```
    pub const fn limit(self) -> Duration {
        match self {
            Self::Item { limit } | Self::First { limit } | Self::Total { limit } => limit,
        }
    }
}

impl fmt::Display for StreamTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item { limit } => write!(f, "no item came within {limit:?}"),
            Self::First { limit } => write!(f, "the first item did not come within {limit:?}"),
            Self::Total { limit } => write!(f, "the stream did not end within {limit:?}"),
        }
    }
}

impl Error for StreamTimeout {}
