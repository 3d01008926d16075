//! How often a stream comes before others.

use crate::limit::Limit;

/// Which part of a [`MergeSet`](super::MergeSet)'s turns a stream has: a weight among those of its priority. The
/// default is a weight of one, at priority zero.
///
/// # Examples
///
/// ```
/// use backstay_core::Limit;
/// use backstay_core::stream::{MergeSet, Precedence};
/// use futures::{StreamExt, stream};
///
/// # futures::executor::block_on(async {
/// let mut set = MergeSet::new();
/// set.insert(stream::iter(["-"; 4]).boxed());
/// set.insert_with(stream::iter(["three"; 6]).boxed(), Precedence::weighted(Limit::new(3)?));
/// set.insert_with(stream::iter(["first"]).boxed(), Precedence::prioritised(1));
/// let all: Vec<_> = set.collect().await;
/// assert_eq!(all.join(" "), "first - three three three - three three three - -");
/// # Ok::<(), backstay_core::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Precedence {
    weight: Limit,
    priority: u8,
}

impl Precedence {
    /// `weight` items for each that one of weight one gives, where both have that many ready: at most so many in a row.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::stream::{MergeSet, Precedence};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut set = MergeSet::new();
    /// set.insert_with(stream::iter(vec!["gold"; 4]), Precedence::weighted(Limit::new(2)?));
    /// set.insert(stream::iter(vec!["free"; 2]));
    /// let all: Vec<_> = set.collect().await;
    /// assert_eq!(all, ["gold", "gold", "free", "gold", "gold", "free"]);
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn weighted(weight: impl Into<Limit>) -> Self {
        Self::default().with_weight(weight)
    }

    /// Before all of a lower priority: as long as one of a higher has an item ready, they wait. The largest number
    /// comes first.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::stream::{MergeSet, Precedence};
    /// use futures::{StreamExt, stream};
    ///
    /// # futures::executor::block_on(async {
    /// let mut set = MergeSet::new();
    /// set.insert(stream::iter(vec!["data"; 2]));
    /// set.insert_with(stream::iter(vec!["control"; 2]), Precedence::prioritised(1));
    /// let all: Vec<_> = set.collect().await;
    /// assert_eq!(all, ["control", "control", "data", "data"]);
    /// # });
    /// ```
    pub const fn prioritised(priority: u8) -> Self {
        Self { weight: Limit::ONE, priority }
    }

    /// The same with another weight.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::stream::Precedence;
    ///
    /// let precedence = Precedence::prioritised(1).with_weight(Limit::new(3)?);
    /// assert_eq!((precedence.priority(), precedence.weight().get()), (1, 3));
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    #[must_use]
    pub fn with_weight(mut self, weight: impl Into<Limit>) -> Self {
        self.weight = weight.into();
        self
    }

    /// The weight among streams of the same priority.
    pub const fn weight(&self) -> Limit {
        self.weight
    }

    /// The priority.
    pub const fn priority(&self) -> u8 {
        self.priority
    }
}

impl Default for Precedence {
    fn default() -> Self {
        Self::prioritised(0)
    }
}
