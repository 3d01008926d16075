//! The latest item, until a time that the first one has set.

use crate::instant::Instant;
use crate::stream::dropped::DropCount;

/// | held | an item at `now` | then |
/// |---|---|---|
/// | nothing | is held | due when `due` says |
/// | one that is due now or later | takes its place | due when that was |
/// | one that was due | is held; the other is given | due when `due` says |
pub(super) struct Latest<T> {
    held: Option<(T, Instant)>,
    dropped: DropCount,
}

impl<T> Latest<T> {
    pub(super) fn new() -> Self {
        Self { held: None, dropped: DropCount::default() }
    }

    pub(super) fn take(&mut self, item: T, now: Instant, due: impl FnOnce() -> Instant) -> Option<T> {
        match self.held.take() {
            Some((before, at)) if at >= now => {
                self.held = Some((item, at));
                self.dropped.count();
                // Dropped when all is in order.
                drop(before);
                None
            }
            before => {
                self.held = Some((item, due()));
                before.map(|(before, _)| before)
            }
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.held.as_ref().map(|&(_, due)| due)
    }

    pub(super) fn give(&mut self) -> Option<T> {
        self.held.take().map(|(item, _)| item)
    }

    /// Drops what is held.
    pub(super) fn discard(&mut self) {
        if self.held.is_some() {
            self.dropped.count();
        }
        self.held = None;
    }

    pub(super) fn held(&self) -> usize {
        usize::from(self.held.is_some())
    }

    pub(super) const fn dropped(&self) -> &DropCount {
        &self.dropped
    }
}
