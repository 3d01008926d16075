//! How a stream is shared.

use crate::limit::Limit;

/// As many as a buffer holds that nobody has chosen.
const BUFFER: usize = 64;

/// How a stream is shared: what newcomers are given, how far readers may be apart, and what becomes of a slow one.
///
/// | setting | default |
/// |---|---|
/// | `replay` | what [`new`](Self::new) is given; a number alone can stand for the configuration |
/// | [`buffer`](Self::buffer) | 64 |
/// | [`slow_reader`](Self::slow_reader) | keeps the others waiting |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it does nothing by itself"]
pub struct ShareConfig {
    replay: usize,
    buffer: Option<Limit>,
    slow_reader: SlowReader,
}

/// What becomes of a reader of a shared stream that does not keep up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum SlowReader {
    /// The source is not polled until it has read: nobody misses anything, and one that never reads stops everybody.
    #[default]
    #[doc(alias = "backpressure")]
    KeepsOthersWaiting,
    /// It is told how many items it has missed, and goes on with the oldest that is kept.
    Skips,
    /// It is told how many items it has missed, and that is its end.
    Ends,
}

crate::settings_of_its_own!(SlowReader);

#[cfg(feature = "serde")]
crate::settings! {
    ShareConfig requires [replay] from Self::new(0);
    replay,
    buffer,
    slow_reader,
}

#[cfg(feature = "serde")]
impl ShareConfig {
    /// There is nothing that concerns two.
    fn validate(&self) -> Result<(), crate::ConfigError> {
        self.check_fields()
    }
}

impl ShareConfig {
    /// Newcomers are given the last `replay` items; zero for none.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::{FlowExt, ShareConfig};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut first = stream::iter(1..=4).share(ShareConfig::new(2));
    /// for number in 1..=3 {
    ///     assert_eq!(first.next().await, Some(Ok(number)));
    /// }
    /// let newcomer: Vec<_> = first.clone().map(Result::unwrap).collect().await;
    /// assert_eq!(newcomer, [2, 3, 4]);
    /// # });
    /// ```
    pub const fn new(replay: usize) -> Self {
        Self { replay, buffer: None, slow_reader: SlowReader::KeepsOthersWaiting }
    }

    /// How many items are kept for readers that are behind, beside those that are replayed.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::stream::{FlowExt, ShareConfig};
    /// use futures::{FutureExt, StreamExt, stream};
    ///
    /// let config = ShareConfig::new(0).buffer(Limit::new(2)?);
    /// let mut fast = stream::iter(1..).share(config);
    /// let mut slow = fast.clone();
    /// assert_eq!(fast.next().now_or_never(), Some(Some(Ok(1))));
    /// assert_eq!(fast.next().now_or_never(), Some(Some(Ok(2))));
    /// assert_eq!(fast.next().now_or_never(), None); // no further ahead
    /// assert_eq!(slow.next().now_or_never(), Some(Some(Ok(1))));
    /// assert_eq!(fast.next().now_or_never(), Some(Some(Ok(3))));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    #[doc(alias = "extraBufferCapacity")]
    pub fn buffer(mut self, items: impl Into<Limit>) -> Self {
        self.buffer = Some(items.into());
        self
    }

    /// What becomes of a reader that is behind by more than that.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::stream::{FlowExt, ShareConfig, ShareError, SlowReader};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let config = ShareConfig::new(0).buffer(Limit::new(2)?).slow_reader(SlowReader::Ends);
    /// let fast = stream::iter(1..=5).share(config);
    /// let slow = fast.clone();
    /// assert_eq!(fast.count().await, 5);
    /// assert_eq!(slow.collect::<Vec<_>>().await, [Err(ShareError::Lagged(3))]);
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub const fn slow_reader(mut self, slow_reader: SlowReader) -> Self {
        self.slow_reader = slow_reader;
        self
    }

    pub(super) const fn parts(self) -> (usize, usize, SlowReader) {
        let buffer = match self.buffer {
            Some(limit) => limit.get(),
            None => BUFFER,
        };
        (self.replay, self.replay.saturating_add(buffer), self.slow_reader)
    }
}

impl From<usize> for ShareConfig {
    fn from(replay: usize) -> Self {
        Self::new(replay)
    }
}
