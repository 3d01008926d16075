//! How a stream is split by key.

use crate::channel::mpsc::Overflow;
use crate::limit::Limit;

/// As many places as a group has that nobody has chosen.
const PLACES: usize = 16;

/// How many groups there are, and what is kept of each: for [`FlowExt::group_by`](crate::stream::FlowExt::group_by).
///
/// | setting | default |
/// |---|---|
/// | `max_groups` | what [`new`](Self::new) is given; a [`Limit`] alone can stand for the configuration |
/// | [`places`](Self::places) | 16 |
/// | [`overflow`](Self::overflow) | the source waits |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "it does nothing by itself"]
pub struct GroupByConfig {
    pub(super) max_groups: Limit,
    pub(super) places: Option<Limit>,
    pub(super) overflow: Overflow,
}

#[cfg(feature = "serde")]
crate::settings! {
    GroupByConfig requires [max_groups] from Self::new(Limit::ONE);
    max_groups,
    places,
    overflow,
}

#[cfg(feature = "serde")]
impl GroupByConfig {
    /// There is nothing that concerns two.
    fn validate(&self) -> Result<(), crate::ConfigError> {
        self.check_fields()
    }
}

impl GroupByConfig {
    /// At most so many groups at a time.
    pub fn new(max_groups: impl Into<Limit>) -> Self {
        Self { max_groups: max_groups.into(), places: None, overflow: Overflow::Wait }
    }

    /// How many items of a group are kept that it has not given yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::stream::GroupByConfig;
    ///
    /// let users = GroupByConfig::new(Limit::new(1_000)?).places(Limit::new(100)?);
    /// # let _ = users;
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub fn places(mut self, places: impl Into<Limit>) -> Self {
        self.places = Some(places.into());
        self
    }

    /// What becomes of an item of a group that has no place for it. While the source waits for one group, it waits for
    /// all.
    ///
    /// # Examples
    ///
    /// ```
    /// use backstay_core::Limit;
    /// use backstay_core::channel::mpsc::Overflow;
    /// use backstay_core::stream::GroupByConfig;
    ///
    /// let sensors = GroupByConfig::new(Limit::new(1_000)?).places(Limit::ONE).overflow(Overflow::DropOldest);
    /// # let _ = sensors;
    /// # Ok::<(), backstay_core::ConfigError>(())
    /// ```
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    pub(super) fn capacity(&self) -> Limit {
        self.places.unwrap_or(Limit::new(PLACES).unwrap_or(Limit::ONE))
    }
}

impl<L: Into<Limit>> From<L> for GroupByConfig {
    fn from(max_groups: L) -> Self {
        Self::new(max_groups)
    }
}
