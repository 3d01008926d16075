//! Page numbers, the lowest first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Page numbers, the lowest first; the first 64, which are 4,096 futures, need no memory. A higher one that was
/// inserted twice comes twice.
#[derive(Debug)]
pub(super) struct PageQueue {
    few: u64,
    many: BinaryHeap<Reverse<usize>>,
}

impl PageQueue {
    pub(super) const fn new() -> Self {
        Self { few: 0, many: BinaryHeap::new() }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.few == 0 && self.many.is_empty()
    }

    #[inline]
    pub(super) fn insert(&mut self, page: usize) {
        if page < 64 {
            self.few |= 1 << page;
        } else {
            self.insert_far(page);
        }
    }

    /// Inserts those of the first 64 that have their bit set.
    #[inline]
    pub(super) const fn insert_few(&mut self, pages: u64) {
        self.few |= pages;
    }

    #[inline]
    pub(super) fn first(&self) -> Option<usize> {
        match self.few {
            0 => self.many.peek().map(|&Reverse(page)| page),
            few => Some(few.trailing_zeros() as usize),
        }
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<usize> {
        match self.few {
            0 if self.many.is_empty() => None,
            0 => self.pop_far(),
            few => {
                self.few &= few - 1;
                Some(few.trailing_zeros() as usize)
            }
        }
    }

    // Apart: sets are rarely as large, and what is inlined should be small.
    #[inline(never)]
    fn insert_far(&mut self, page: usize) {
        self.many.push(Reverse(page));
    }

    #[inline(never)]
    fn pop_far(&mut self) -> Option<usize> {
        self.many.pop().map(|Reverse(page)| page)
    }

    /// All of them, in any order.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        let mut few = self.few;
        let few = std::iter::from_fn(move || {
            let page = (few != 0).then(|| few.trailing_zeros() as usize)?;
            few &= few - 1;
            Some(page)
        });
        few.chain(self.many.iter().map(|&Reverse(page)| page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_the_lowest_first() {
        let mut queue = PageQueue::new();
        assert!(queue.is_empty() && queue.first().is_none() && queue.iter().next().is_none());
        for page in [100, 5, 64, 63, 1_000_000, 65, 5] {
            queue.insert(page);
        }
        queue.insert_few(0b10_0001);
        let mut listed: Vec<_> = queue.iter().collect();
        listed.sort_unstable();
        let mut popped = Vec::new();
        while let Some(first) = queue.first() {
            assert!(!queue.is_empty());
            assert_eq!(queue.pop(), Some(first));
            popped.push(first);
        }
        assert!(queue.is_empty() && queue.pop().is_none());
        assert_eq!(popped, [0, 5, 63, 64, 65, 100, 1_000_000]);
        assert_eq!(listed, popped);
    }
}
