//! The batch that is being filled, and when it is over: no polling and no clock.

use crate::instant::{Instant, nanos};
use crate::limit::Limit;
use std::fmt;
use std::mem;
use std::time::Duration;

/// What ends a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::stream) struct Bounds {
    pub(in crate::stream) max: usize,
    pub(in crate::stream) max_weight: usize,
    // `None` for never.
    pub(in crate::stream) within: Option<Duration>,
}

/// How many items of a source that is always ready a batch takes that waits for nothing.
const AT_ONCE: usize = 128;

impl Bounds {
    pub(super) const fn new(max: Limit) -> Self {
        Self { max: max.get(), max_weight: usize::MAX, within: None }
    }

    pub(super) fn within(self, within: Duration) -> Self {
        Self { within: (within < Duration::MAX).then_some(within), ..self }
    }

    pub(super) const fn weight(self, max: Limit) -> Self {
        Self { max_weight: max.get(), ..self }
    }

    /// Of what waits for nothing so many, however many are there.
    pub(in crate::stream) fn limited(self) -> Self {
        if self.is_at_once() { Self { max: self.max.min(AT_ONCE), ..self } } else { self }
    }

    pub(in crate::stream) const fn is_at_once(&self) -> bool {
        match self.within {
            Some(within) => within.is_zero(),
            None => false,
        }
    }
}

impl fmt::Debug for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchConfig")
            .field("max", &self.max)
            .field("within", &self.within)
            .field("max_weight", &self.max_weight)
            .finish()
    }
}

/// | | `items` | `ends_at` |
/// |---|---|---|
/// | nothing is there | empty | – |
/// | the first item has come | one | of before, until the next `look`: `wants_time` |
/// | more have come | more | so long after the first |
///
/// Without a time, `wants_time` is never true.
pub(super) struct Window<T> {
    items: Vec<T>,
    weight: usize,
    bounds: Bounds,
    ends_at: Instant,
    // The batch's first item has come, and the clock was not read since.
    is_new: bool,
    looked_at: Instant,
    // Items since the clock was read, and how many there may be before it is read again.
    since: u64,
    look_after: u64,
    // It was waited for the next item; and that has come, and nobody has looked whether it was too late.
    has_waited: bool,
    owes_look: bool,
    // How many the batch before had.
    before: usize,
}

/// How many items may come before the clock is read again, however fast they are.
const LOOK_AFTER: u64 = 32;

/// What a batch has room for before anything is in it.
const FIRST_ROOM: usize = 16 << 10;

impl<T> Window<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            items: Vec::new(),
            weight: 0,
            bounds: bounds.limited(),
            ends_at: Instant::MAX,
            is_new: false,
            looked_at: Instant::ORIGIN,
            since: 0,
            look_after: 0,
            has_waited: false,
            owes_look: false,
            before: 0,
        }
    }

    /// One more item. If it doesn't go in any more, it begins the next batch, and the one before is given.
    #[inline]
    pub(super) fn push(&mut self, item: T, weight: usize) -> Option<Vec<T>> {
        let weight_with_it = self.weight.saturating_add(weight);
        let full = if weight_with_it > self.bounds.max_weight { self.take_some() } else { None };
        if self.items.is_empty() {
            self.is_new = true;
            self.reserve();
        }
        self.weight = self.weight.saturating_add(weight);
        self.items.push(item);
        self.since += 1;
        self.owes_look = mem::take(&mut self.has_waited) && !self.is_new;
        full
    }

    /// Whether the clock is to be read for [`look`](Self::look) before another item goes in.
    ///
    /// The first item after a wait goes in without that: most often there is no other, and the timer is asked, which
    /// costs less.
    #[inline]
    pub(super) fn wants_time_first(&self) -> bool {
        self.owes_look
    }

    /// Whether it takes no more.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.items.len() >= self.bounds.max || self.weight >= self.bounds.max_weight && !self.items.is_empty()
    }

    /// Whether the clock is to be read for [`look`](Self::look).
    #[inline]
    pub(super) fn wants_time(&self) -> bool {
        (self.is_new || self.since >= self.look_after && !self.owes_look)
            && self.bounds.within.is_some()
            && !self.bounds.is_at_once()
    }

    /// Whether its time is over.
    pub(super) fn look(&mut self, now: Instant) -> bool {
        self.owes_look = false;
        let since = mem::take(&mut self.since).max(1);
        let passed = nanos(now - self.looked_at);
        self.looked_at = now;
        if mem::take(&mut self.is_new) {
            self.ends_at = now + self.bounds.within.unwrap_or(Duration::MAX);
            // How fast items come is not known yet.
            self.look_after = 1;
            return false;
        }
        let left = nanos(self.ends_at - now);
        // Half of those that will come in what is left, if they come as they did.
        let an_item = (passed / since).max(1);
        self.look_after = (left / an_item / 2).clamp(1, LOOK_AFTER);
        left == 0
    }

    /// When the time is over, of a batch that is not empty and has such.
    pub(super) fn ends_at(&mut self) -> Option<Instant> {
        if self.items.is_empty() || self.bounds.within.is_none() {
            return None;
        }
        // Whatever comes next comes after a time that nobody knows; what has come, the timer knows of.
        self.has_waited = !self.bounds.is_at_once();
        self.owes_look = false;
        Some(self.ends_at)
    }

    /// It is somebody else's turn, for a time that nobody knows: the clock is read before more than one item goes in.
    pub(super) fn yields(&mut self) {
        self.has_waited = !self.is_empty() && self.bounds.within.is_some() && !self.bounds.is_at_once();
    }

    /// Whether it waits for nothing.
    pub(super) const fn ends_at_once(&self) -> bool {
        self.bounds.is_at_once()
    }

    /// What is in it; it is empty then.
    pub(super) fn take(&mut self) -> Vec<T> {
        self.weight = 0;
        self.has_waited = false;
        self.owes_look = false;
        self.before = self.items.len();
        mem::take(&mut self.items)
    }

    /// As [`take`](Self::take), if there is anything.
    pub(super) fn take_some(&mut self) -> Option<Vec<T>> {
        if self.items.is_empty() { None } else { Some(self.take()) }
    }

    pub(super) fn into_items(self) -> Vec<T> {
        self.items
    }

    pub(super) const fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many batches there will be, of what is in it and so many items.
    pub(super) fn batches(&self, (least, most): (usize, Option<usize>)) -> (usize, Option<usize>) {
        let least = least.saturating_add(self.len()).div_ceil(self.bounds.max);
        // Each item may be a batch, but for those that are in one already.
        let own = usize::from(!self.is_empty());
        (least, most.and_then(|most| most.checked_add(own)))
    }

    /// Room for a batch like the one before: an allocation instead of several. Of a large one not all, as the next may
    /// be small.
    fn reserve(&mut self) {
        let most = FIRST_ROOM / size_of::<T>().max(1);
        self.items.reserve_exact(self.before.min(most));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_WEIGHT: usize = 0;

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn limit(limit: usize) -> Limit {
        Limit::new(limit).unwrap()
    }

    #[test]
    fn it_is_full_by_count_and_by_weight() {
        // The limits, the weights, and what a batch is made of.
        let cases: [(usize, usize, &[usize], &[usize]); 8] = [
            (3, usize::MAX, &[0, 0, 0, 0], &[3, 1]),
            (1, 1, &[0, 1, 0], &[1, 1, 1]),
            (9, 10, &[5, 5, 5], &[2, 1]),
            (9, 10, &[5, 6, 5], &[1, 1, 1]),
            (9, 10, &[5, 11, 5], &[1, 1, 1]),
            (9, 10, &[11, 10, 9, 1, 0], &[1, 1, 2, 1]),
            (9, usize::MAX, &[usize::MAX, usize::MAX, 0], &[1, 1, 1]),
            (9, 1, &[0, 0, 1, 0], &[3, 1]),
        ];
        for (max, max_weight, weights, expected) in cases {
            let mut window = Window::new(Bounds::new(limit(max)).weight(limit(max_weight)));
            let mut batches = Vec::new();
            for (number, &weight) in weights.iter().enumerate() {
                batches.extend(window.push(number, weight));
                if window.is_full() {
                    batches.extend(window.take_some());
                }
                assert!(!window.wants_time(), "it has none");
            }
            batches.extend(window.take_some());
            let lengths: Vec<_> = batches.iter().map(Vec::len).collect();
            assert_eq!(lengths, expected, "{weights:?}");
            assert!(batches.into_iter().flatten().eq(0..weights.len()));
        }
    }

    /// Items that come a `pace` apart: at which of them the batch was over, and how often the clock was read.
    fn over_at(within: u64, mut pace: impl FnMut(u64) -> u64) -> (u64, u64) {
        let mut window = Window::new(Bounds::new(Limit::MAX).within(Duration::from_nanos(within)));
        let (mut now, mut looks) = (1_000, 0);
        for number in 0..20_000 {
            assert!(window.push(number, NO_WEIGHT).is_none());
            if window.wants_time() {
                looks += 1;
                if window.look(at(now)) {
                    return (now - 1_000, looks);
                }
            }
            now += pace(number);
        }
        panic!("its time is never over")
    }

    #[test]
    fn its_time_is_over_at_the_item_where_items_are_slow() {
        for pace in [1_000, 700, 100_000] {
            let (over_at, _) = over_at(100_000, |_| pace);
            assert!((100_000..100_000 + pace).contains(&over_at), "{pace}: {over_at}");
        }
    }

    #[test]
    fn the_clock_is_read_now_and_then_where_items_are_fast() {
        let (over_at, looks) = over_at(100_000, |_| 10);
        assert!((100_000..100_000 + 32 * 10).contains(&over_at), "{over_at}");
        assert!(looks < 10_000 / 32 + 16, "{looks}");
    }

    #[test]
    fn it_is_late_by_32_items_where_they_are_slow_suddenly() {
        let (over_at, _) = over_at(100_000, |number| if number < 100 { 1 } else { 10_000 });
        assert!((100_000..32 * 10_000 + 10_000).contains(&over_at), "{over_at}");
    }

    #[test]
    fn after_a_wait_the_clock_is_read() {
        let mut window = Window::new(Bounds::new(Limit::MAX).within(Duration::from_nanos(100)));
        assert_eq!(window.ends_at(), None, "nothing is there");
        for number in 0..20 {
            window.push(number, NO_WEIGHT);
            if window.wants_time() {
                assert!(!window.look(at(7)));
            }
        }
        assert_eq!(window.ends_at(), Some(at(107)));
        // One goes in, and before the next the clock is read, unless it is waited for again.
        window.push(20, NO_WEIGHT);
        assert!(!window.wants_time() && window.wants_time_first());
        assert_eq!(window.ends_at(), Some(at(107)));
        assert!(!window.wants_time_first());
        window.push(21, NO_WEIGHT);
        assert!(window.wants_time_first() && !window.look(at(106)) && !window.wants_time_first());
        assert_eq!(window.ends_at(), Some(at(107)));
        window.push(22, NO_WEIGHT);
        assert!(window.wants_time_first() && window.look(at(107)));
        window.take();
        assert!(!window.wants_time_first() && !window.wants_time());
    }

    #[test]
    fn never_and_at_once_need_no_clock() {
        for within in [Duration::ZERO, Duration::MAX] {
            let mut window = Window::new(Bounds::new(Limit::MAX).within(within));
            for number in 0..=AT_ONCE {
                assert_eq!(window.is_full(), within.is_zero() && number == AT_ONCE);
                window.push(number, NO_WEIGHT);
                assert!(!window.wants_time());
            }
            assert_eq!(window.ends_at().is_some(), within.is_zero());
        }
    }

    #[test]
    fn hints_are_true_at_the_limits_of_numbers() {
        let mut window = Window::new(Bounds::new(limit(2)));
        assert_eq!(window.batches((0, Some(0))), (0, Some(0)));
        assert_eq!(window.batches((3, Some(5))), (2, Some(5)));
        assert_eq!(window.batches((usize::MAX, None)), (usize::MAX / 2 + 1, None));
        window.push(1, NO_WEIGHT);
        assert_eq!(window.batches((0, Some(0))), (1, Some(1)));
        assert_eq!(window.batches((3, Some(5))), (2, Some(6)));
        assert_eq!(window.batches((usize::MAX, Some(usize::MAX))), (usize::MAX / 2 + 1, None));
    }
}
