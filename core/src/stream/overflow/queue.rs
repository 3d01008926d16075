//! A queue with a limit, and what becomes of items for which it has no room: no polling.

use crate::channel::mpsc::Overflow;
use crate::limit::Limit;
use std::collections::VecDeque;

/// Items in order, never more than the limit.
#[derive(Debug)]
pub(super) struct Queue<T> {
    items: VecDeque<T>,
    limit: usize,
    overflow: Overflow,
}

impl<T> Queue<T> {
    pub(super) const fn new(limit: Limit, overflow: Overflow) -> Self {
        Self { items: VecDeque::new(), limit: limit.get(), overflow }
    }

    /// Whether to take another item: one that waits has to leave it where it is.
    pub(super) fn wants_more(&self) -> bool {
        self.overflow != Overflow::Wait || !self.is_full()
    }

    /// One more item; gives the one for which there is no room.
    #[must_use = "it has to be counted"]
    pub(super) fn push(&mut self, item: T) -> Option<T> {
        let lost = match self.overflow {
            _ if !self.is_full() => None,
            // Whoever waits asks first.
            Overflow::Wait | Overflow::DropNewest => return Some(item),
            Overflow::DropOldest => self.items.pop_front(),
        };
        self.items.push_back(item);
        lost
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        self.items.pop_front()
    }

    pub(super) fn front_mut(&mut self) -> Option<&mut T> {
        self.items.front_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn into_items(self) -> VecDeque<T> {
        self.items
    }

    /// How many items come out of it, those that are in it and what a source gives.
    pub(super) fn size_hint(&self, (least, most): (usize, Option<usize>)) -> (usize, Option<usize>) {
        let all = least.saturating_add(self.len());
        // As many as there is room for are never dropped.
        let least = if self.overflow == Overflow::Wait { all } else { all.min(self.limit) };
        (least, most.and_then(|most| most.checked_add(self.len())))
    }

    fn is_full(&self) -> bool {
        self.items.len() >= self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICIES: [Overflow; 3] = [Overflow::Wait, Overflow::DropOldest, Overflow::DropNewest];

    fn limit(limit: usize) -> Limit {
        Limit::new(limit).unwrap()
    }

    #[test]
    fn what_is_lost_and_what_stays() {
        let table: [(_, [Option<u32>; 4], &[u32]); 3] = [
            (Overflow::Wait, [None, None, Some(3), Some(4)], &[1, 2]),
            (Overflow::DropOldest, [None, None, Some(1), Some(2)], &[3, 4]),
            (Overflow::DropNewest, [None, None, Some(3), Some(4)], &[1, 2]),
        ];
        for (overflow, lost, stays) in table {
            let mut queue = Queue::new(limit(2), overflow);
            assert!(queue.wants_more() && queue.is_empty());
            assert_eq!([1, 2, 3, 4].map(|item| queue.push(item)), lost);
            assert_eq!(queue.wants_more(), overflow != Overflow::Wait);
            assert!(queue.iter().eq(stays));
            assert_eq!(queue.pop(), Some(stays[0]));
            assert!(queue.wants_more());
            assert!(queue.into_items().iter().eq(&stays[1..]));
        }
    }

    #[test]
    fn hints_are_true_at_the_limits_of_numbers() {
        for overflow in POLICIES {
            let mut queue = Queue::new(limit(2), overflow);
            let waits = overflow == Overflow::Wait;
            assert_eq!(queue.size_hint((0, Some(0))), (0, Some(0)));
            assert_eq!(queue.size_hint((5, None)), (if waits { 5 } else { 2 }, None));
            assert_eq!(queue.push(1), None);
            let all = (if waits { usize::MAX } else { 2 }, None);
            assert_eq!(queue.size_hint((usize::MAX, Some(usize::MAX))), all);
            assert_eq!(queue.size_hint((0, Some(3))), (1, Some(4)));
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_that_is_not_said_and_nothing_overtakes(
            most in 1_usize..5,
            which in 0_usize..3,
            steps in prop::collection::vec(any::<bool>(), 0..60),
        ) {
            let mut queue = Queue::new(limit(most), POLICIES[which]);
            let (mut next, mut lost, mut read) = (0, Vec::new(), Vec::new());
            for pushes in steps {
                if pushes && queue.wants_more() {
                    lost.extend(queue.push(next));
                    next += 1;
                } else {
                    read.extend(queue.pop());
                }
                prop_assert!(queue.len() <= most);
            }
            read.extend(queue.into_items());
            prop_assert!(read.is_sorted(), "{read:?}");
            prop_assert!(lost.is_empty() || POLICIES[which] != Overflow::Wait);
            read.extend(lost);
            read.sort_unstable();
            prop_assert!(read.into_iter().eq(0..next));
        }
    }
}
